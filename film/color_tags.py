"""The color tags of a stream: numbers of ITU-T H.273, and the names that FFmpeg's filters and encoders share for them."""

from collections.abc import Mapping

UNSPECIFIED = 2
MATRICES = {0: "gbr", 1: "bt709", 4: "fcc", 5: "bt470bg", 6: "smpte170m", 7: "smpte240m"}
MATRICES |= {8: "ycgco", 9: "bt2020nc", 10: "bt2020c", 11: "smpte2085", 12: "chroma-derived-nc"}
MATRICES |= {13: "chroma-derived-c", 14: "ictcp", 15: "ipt-c2", 16: "ycgco-re", 17: "ycgco-ro"}
PRIMARIES = {1: "bt709", 4: "bt470m", 5: "bt470bg", 6: "smpte170m", 7: "smpte240m", 8: "film"}
PRIMARIES |= {9: "bt2020", 10: "smpte428", 11: "smpte431", 12: "smpte432", 22: "ebu3213"}
# 4 and 5 are gamma 2.2 and 2.8; the filter setparams knows only these names.
TRANSFERS = {1: "bt709", 4: "bt470m", 5: "bt470bg", 6: "smpte170m", 7: "smpte240m", 8: "linear"}
TRANSFERS |= {9: "log100", 10: "log316", 11: "iec61966-2-4", 12: "bt1361e", 13: "iec61966-2-1"}
TRANSFERS |= {14: "bt2020-10", 15: "bt2020-12", 16: "smpte2084", 17: "smpte428"}
TRANSFERS |= {18: "arib-std-b67"}
LUMA_WEIGHTS = {  # (K_r, K_b), table 4
    "bt709": (0.2126, 0.0722),
    "fcc": (0.30, 0.11),
    "bt470bg": (0.299, 0.114),
    "smpte170m": (0.299, 0.114),
    "smpte240m": (0.212, 0.087),
    "bt2020nc": (0.2627, 0.0593),
    "bt2020c": (0.2627, 0.0593),
}


def tag_name(names: Mapping[int, str], value: int) -> str:
    """Return a tag's name, "" if it is unspecified, and the number itself if FFmpeg has no name for it."""
    return "" if value == UNSPECIFIED else names.get(value, str(value))
