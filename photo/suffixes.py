"""The kinds of files by their suffixes: photos, films, and what else lies in folders beside them.

A table and what it answers: which files of a folder are inputs, and why the others are not.
"""

import importlib.util
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal, TypeAlias

Group: TypeAlias = Literal["photo", "film", "other", "sidecar"]

# Photos, by the name of their format.
PHOTOS = {
    "JPEG": ".jpg .jpeg .jpe .jfif .jif",
    "PNG": ".png .apng",
    "TIFF": ".tif .tiff",
    "WebP": ".webp",
    "BMP": ".bmp .dib",
    "GIF": ".gif",
    "HEIC": ".heic .heif .hif .heics .heifs",
    "AVIF": ".avif .avifs",
    "JPEG XL": ".jxl",
    "JPEG 2000": ".jp2 .j2k .j2c .jpc .jpf .jpx",
    "MPO": ".mpo",
    "PNM": ".pbm .pgm .ppm .pnm .pam .pfm",
    "TGA": ".tga .vda .icb .vst",
    "PCX": ".pcx",
    "ICO": ".ico .cur .icns",
    "PSD": ".psd .psb",
    "SGI": ".sgi .rgb .rgba .bw",
    "DDS": ".dds",
    "DPX": ".dpx",
    "Cineon": ".cin",
    "EXR": ".exr",
    "HDR": ".hdr",
    "XCF": ".xcf",
    "DjVu": ".djvu .djv",
    "FITS": ".fits .fit .fts",
    "PDF": ".pdf",
    "camera raw": ".dng .cr2 .cr3 .crw .nef .nrw .arw .srf .sr2 .raf .rw2 .rwl .orf .pef .srw .x3f .3fr .fff .iiq"
    " .mef .mos .mrw .erf .dcr .kdc .raw",
}
# Those that `photo.read` reads.
READ = frozenset(
    ("JPEG", "PNG", "TIFF", "WebP", "BMP", "GIF", "HEIC", "AVIF", "JPEG XL", "JPEG 2000", "MPO", "PNM", "TGA", "PCX",
     "ICO", "PSD", "DPX", "PDF", "camera raw")
)  # fmt: skip
# The module that reads a format, of the packages in requirements-formats.txt.
NEEDS = {"HEIC": "pillow_heif", "JPEG XL": "pillow_jxl", "PDF": "pypdfium2", "camera raw": "rawpy"}
FILMS = (
    ".mp4 .m4v .mkv .mov .qt .avi .divx .webm .mpg .mpeg .mpe .m1v .m2v .mpv .vob .mod .tod .ts .mts .m2ts .m2t .mxf .gxf"
    " .3gp .3g2 .dv .dif .wmv .asf .flv .f4v .rm .rmvb .ogv .ogm .y4m .ivf .nut .amv .mjpg .mjpeg .h264 .264 .hevc .265"
    " .wtv .dvr-ms"
)
OTHERS = {
    "sound file": ".wav .mp3 .flac .aac .m4a .ogg .oga .opus .wma .aif .aiff .ac3 .amr",
    "archive": ".zip .7z .rar .tar .gz .tgz .bz2 .xz .iso",
    "document": ".doc .docx .odt .rtf .ppt .pptx .odp .xls .xlsx .ods .htm .html .epub",
    "drawing": ".svg .ai .eps .wmf .emf .cdr",
}
# Written beside pictures and films by other programs or by this one, and no pictures themselves.
SIDECARS = (
    ".xmp .txt .md .nfo .log .json .csv .xml .yaml .yml .ini .db .aae .thm .pp3 .dop .cos .on1 .lrcat .lrdata .cube .icc"
    " .icm .md5 .sha1 .sha256 .sfv .url .lnk .tmp .part .srt .ass .ssa .sub .idx .vtt .edl .ifo .bup .modd .moff .cpi .mpl"
)
SYSTEM_FOLDERS = frozenset(
    ("@eaDir", "__MACOSX", "$RECYCLE.BIN", "System Volume Information", "lost+found")
)
CONVERT = "not supported, convert to TIFF"
INSTALL = "pip install -r requirements-formats.txt"
# The first bytes of films, each with its offset, for files that are named as pictures.
FILM_HEADS = (
    (4, b"ftyp"),
    (4, b"moov"),
    (0, b"\x1a\x45\xdf\xa3"),  # Matroska, WebM
    (8, b"AVI "),
    (0, b"\0\0\1\xba"),  # MPEG program stream
    (0, b"\0\0\1\xb3"),  # MPEG video
    (0, b"FLV\1"),
    (0, b"\x30\x26\xb2\x75\x8e\x66\xcf\x11"),  # ASF: WMV
    (0, b"OggS"),
    (0, b".RMF"),
    (0, b"YUV4MPEG2"),
)
PICTURE_BRANDS = (b"avif", b"avis", b"heic", b"heix", b"hevc", b"heim", b"mif1", b"msf1", b"crx ")


@dataclass(frozen=True)
class FileKind:
    """What a file is by its suffix; name : as it is counted ("2 HEIC", "2 films")."""

    name: str
    group: Group


def _table() -> dict[str, FileKind]:
    """Return the kind of each suffix."""
    found = {suffix: FileKind("film", "film") for suffix in FILMS.split()}
    found |= {suffix: FileKind("sidecar", "sidecar") for suffix in SIDECARS.split()}
    for names, group in ((PHOTOS, "photo"), (OTHERS, "other")):
        for name, suffixes in names.items():
            kind = FileKind(name, "photo" if group == "photo" else "other")
            found |= dict.fromkeys(suffixes.split(), kind)
    return found


TABLE = _table()


def kind_of(path: Path) -> FileKind:
    """Return what a file is by its suffix."""
    suffix = path.suffix.lower()
    return TABLE.get(suffix) or FileKind(f"{suffix} file" if suffix else "no-suffix file", "other")


def is_input(path: Path, *, group: Group) -> bool:
    """Return whether a file is a photo or a film, by its suffix, that the program reads."""
    kind = kind_of(path)
    return kind.group == group and (group == "film" or _can_read(kind.name))


@cache
def _can_read(name: str) -> bool:
    """Return whether pictures of a format can be read with the packages that are installed."""
    return name in READ and (name not in NEEDS or importlib.util.find_spec(NEEDS[name]) is not None)


def is_ignored(place: Path) -> bool:
    """Return whether a file, by its path below a folder, is hidden, a sidecar or the system's, which nobody would color."""
    hidden = any(part.startswith(".") or part in SYSTEM_FOLDERS for part in place.parts)
    return hidden or kind_of(place).group == "sidecar"


def why_passed(path: Path, *, wanted: Group) -> tuple[str, str]:
    """Return under which name a file is counted that is no input by its suffix, and why it is none.

    wanted : the group of the command's inputs, "photo" or "film"
    """
    kind = kind_of(path)
    if kind.group == "film":
        return kind.name, "use -movie_in"
    if kind.group == "photo":
        if kind.name not in READ:
            return kind.name, CONVERT
        return (kind.name, INSTALL) if wanted == "photo" else ("photo", "use -img_in")
    if not path.suffix:
        return kind.name, "name one to try it"
    return kind.name, f"not a {wanted}"


def not_a_picture(path: Path) -> str:
    """Say, for a file that no decoder of pictures knows, what it is and what to do."""
    kind = kind_of(path)
    if is_film(path):
        return f"{path} is not a picture but a film: films need -movie_in"
    if kind.group == "photo" and kind.name not in READ:
        return f"{path} is not a picture that can be read ({kind.name} is {CONVERT})"
    return f"{path} is not a picture ({formats()})"


def not_a_film(path: Path, *, read_as: str) -> str:
    """Say, for a picture given as a film, what to do; read_as : FFmpeg's name of what reads it, or its brand."""
    kind = TABLE.get(f".{read_as.removesuffix('_pipe')}") or kind_of(path)
    if kind.name in READ:
        return f"{path} is a picture, not a film: use -img_in"
    return f"{path} is a picture ({kind.name}), not a film, and -img_in cannot read it: convert to TIFF"


def is_picture(brand: str) -> bool:
    """Return whether the brand of an ISO media file, "" for other files, is that of a picture."""
    return brand.encode().ljust(4) in PICTURE_BRANDS


def formats() -> str:
    """Name the formats of pictures that can be read."""
    *names, last = [name for name in PHOTOS if name in READ]
    return f"{', '.join(names)} or {last}"


def is_film(path: Path) -> bool:
    """Return whether a file is a film by its suffix, or begins as films do."""
    if kind_of(path).group == "film":
        return True
    if not path.is_file():
        return False
    with path.open("rb") as file:
        head = file.read(16)
    if head[4:8] == b"ftyp" and head[8:12] in PICTURE_BRANDS:
        return False
    return any(head[at:].startswith(mark) for at, mark in FILM_HEADS)
