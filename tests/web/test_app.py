"""Tests the page's server: its answers, and its protection against requests from outside."""

import io
import json
import re
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from helpers import landscape, wait_for
from PIL import Image
from web_visitor import COLOR, Json, Visitor, served

import main
from color.guidance import UNGUIDED, read_hint
from color.options import GuidanceOptions
from film.options import FilmOptions
from gray2color import colorize_photo_files
from model.options import ColorOptions, RunOptions
from photo.guidance import read_guidance
from photo.inputs import Task
from photo.options import PhotoOptions
from web.edits import edits_from
from web.options import Settings, WebOptions
from web.server import address, password_for


def _no_films(color: ColorOptions) -> Any:
    raise AssertionError("no film here")


@pytest.fixture(scope="module")
def run(small_weights: Path) -> RunOptions:
    return RunOptions(device="cpu", weights=small_weights)


def settings_of(run: RunOptions, folder: Path) -> Settings:
    return Settings(run, COLOR, PhotoOptions(), FilmOptions(cache=folder / "cache"), _no_films)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("web")


@pytest.fixture(scope="module")
def visitor(home: Path, run: RunOptions) -> Iterator[Visitor]:
    with served(home, settings_of(run, home)) as visitor:
        yield visitor


@pytest.fixture(scope="module")
def photo(home: Path) -> Path:
    path = home / "a photo.png"
    Image.fromarray(landscape(60, 80)).save(path)
    return path


# Functions


def test_the_page_and_its_words_are_there(visitor: Visitor) -> None:
    assert b"<title>Colorizer" in visitor.get("/")
    words = {tag: json.loads(visitor.get(f"/words/{tag}.json")) for tag in ("en", "zh")}
    assert set(words["en"]) == set(words["zh"])
    assert all(text.strip() for kept in words.values() for text in kept.values())


def test_the_page_uses_only_words_that_are_there() -> None:
    """Check every text key that the page's files use."""
    page = Path(main.__file__).parent / "web" / "page"
    words = json.loads((page / "words" / "en.json").read_text(encoding="utf-8"))
    text = "".join(path.read_text(encoding="utf-8") for path in page.glob("*.*"))
    used = set(re.findall(r'(?:\bsay\("|data-say="|data-label=")(\w+)"', text))
    assert used <= set(words)


def test_a_hint_changes_the_picture_where_it_is(visitor: Visitor, photo: Path) -> None:
    id = visitor.upload(photo)["id"]
    plain, hinted = (
        np.asarray(Image.open(io.BytesIO(visitor.post(f"/photos/{id}/color", edits))), int)
        for edits in ({}, {"hints": ["40,30,#d02010"]})
    )
    assert plain.shape == (60, 80, 3)
    difference = np.abs(hinted - plain).max(axis=-1)
    assert difference[20:40, 30:50].mean() > 3


@pytest.mark.parametrize("name", ["photo.png", "photo.jpg", "photo.tif"])
def test_the_download_equals_the_command_s_file(
    visitor: Visitor, run: RunOptions, tmp_path: Path, name: str
) -> None:
    source = tmp_path / name
    gray = landscape(60, 80, np.uint16 if name.endswith("tif") else np.uint8)
    if gray.dtype == np.uint16:
        tifffile.imwrite(source, gray)
    else:
        Image.fromarray(gray).save(source, exif=_exif())
    texts = ["40,30,#d02010", "10,50,#2040c0"]
    id = visitor.upload(source)["id"]
    answer = json.loads(visitor.post(f"/photos/{id}/file", {"hints": texts, "saturation": 1.2}))
    assert answer["name"] == f"photo.color{source.suffix}"
    hints = tuple(map(read_hint, texts))
    guidance = read_guidance(GuidanceOptions(hint=hints), source)
    color = ColorOptions(working_size=64, saturation=1.2)
    task = Task(source, tmp_path / f"out{source.suffix}")
    (result,) = colorize_photo_files(
        [task], PhotoOptions(), color=color, run=run, guidance=guidance
    )
    assert result.error is None
    assert visitor.get(answer["href"]) == task.target.read_bytes()


def _exif() -> Image.Exif:
    exif = Image.Exif()
    exif[0x010E] = "a photo"
    exif[0x0112] = 6
    return exif


STROKE = {"color": "#d02010", "radius": 5, "points": [[10, 10], [60, 40]]}


def test_strokes_and_temperature_change_the_colors(visitor: Visitor, photo: Path) -> None:
    id = visitor.upload(photo)["id"]
    ways: list[Json] = [{}, {"strokes": [STROKE]}, {"temperature": 0.1}]
    plain, *others = (visitor.post(f"/photos/{id}/color", way) for way in ways)
    assert all(other != plain for other in others)


# Exporting other programs of the small network takes seconds.


@pytest.mark.slow
def test_references_moods_and_palettes_change_the_colors(
    visitor: Visitor, photo: Path, home: Path
) -> None:
    reference = home / "reference.png"
    Image.new("RGB", (9, 9), (20, 90, 200)).save(reference)
    id = visitor.upload(photo)["id"]
    _, _, content = visitor.ask("POST", "/references?name=../../r.png", reference.read_bytes())
    ways: list[Json] = [{}, {"mood": "sepia"}, {"palette": ["#2040c0"]}]
    ways += [{"reference": json.loads(content)["id"]}, {"mood": "sepia", "guidance": 0.1}]
    plain, *others = (visitor.post(f"/photos/{id}/color", way) for way in ways)
    assert all(other != plain for other in others)
    assert len(set(others)) == 4


@pytest.mark.slow
def test_what_the_network_knows_of_a_photo_is_told(visitor: Visitor, photo: Path) -> None:
    id = visitor.upload(photo)["id"]
    colors = json.loads(visitor.get(f"/photos/{id}/likely?x=0.5&y=1"))
    assert colors
    assert all(re.fullmatch("#[0-9a-f]{6}", color) for color in colors)
    places = json.loads(visitor.post(f"/photos/{id}/suggestions", {"hints": ["40,30,#d02010"]}))
    assert places
    assert all(0 <= one["x"] < 80 and 0 <= one["y"] < 60 and one["colors"] for one in places)
    overlay = Image.open(io.BytesIO(visitor.post(f"/photos/{id}/overlay")))
    assert (overlay.size, overlay.mode) == ((80, 60), "RGBA")
    for place in ("x=2&y=0", "x=nan&y=0", "x=a&y=0", "y=0"):
        assert visitor.ask("GET", f"/photos/{id}/likely?{place}")[0] == 400


@pytest.mark.slow
def test_a_candidate_s_download_equals_the_command_s_file(
    visitor: Visitor, run: RunOptions, photo: Path, tmp_path: Path
) -> None:
    task = Task(photo, tmp_path / "out.png")
    options = PhotoOptions(candidates=5)
    (result,) = colorize_photo_files([task], options, color=COLOR, run=run, guidance=UNGUIDED)
    assert len(result.output) > 2, "the small network finds others, too"
    id = visitor.upload(photo)["id"]
    shown = json.loads(visitor.post(f"/photos/{id}/candidates"))
    assert len(shown) == len(result.output) - 1  # without the sheet
    answer = json.loads(visitor.post(f"/photos/{id}/file", {"candidate": 2}))
    assert visitor.get(answer["href"]) == (tmp_path / "out.2.png").read_bytes()
    plain, other = (visitor.post(f"/photos/{id}/color", {"candidate": number}) for number in (1, 2))
    assert plain != other


def test_a_photo_that_is_none_is_named_as_the_visitor_knows_it(visitor: Visitor) -> None:
    status, _, content = visitor.ask("POST", "/photos?name=holiday.jpg", b"no picture")
    assert status == 400
    assert json.loads(content)["error"].startswith("holiday.jpg is not a picture")


def test_a_deleted_photo_is_gone(visitor: Visitor, photo: Path, home: Path) -> None:
    id = visitor.upload(photo)["id"]
    assert visitor.ask("DELETE", f"/photos/{id}")[0] == 204
    assert visitor.ask("GET", f"/photos/{id}/gray")[0] == 404
    assert not (home / "uploads" / id).exists()


@pytest.mark.parametrize(
    "values",
    [
        {"hints": "40,30,#d02010"}, {"hints": ["40,30,red"]}, {"hints": ["400,30,#d02010"]},
        {"hints": ["1,1,#000000"] * 501}, {"saturation": "1"}, {"saturation": 9}, {"mood": "sad"}, {"mood": []}, {"palette": ["red"]}, {"palette": "#2040c0"}, {"temperature": True},
        {"strokes": [{"color": "#d02010", "radius": 5, "points": []}]}, {"strokes": [7]},
        {"strokes": [{"color": "#d02010", "radius": 5, "points": [["a", 1]]}]},
        {"strokes": [{"color": "#d02010", "radius": -1, "points": [[1, 1]]}]},
        {"reference": "../../etc/passwd"}, {"reference": ["x"]}, {"candidate": 0}, {"candidate": "2"}, {"candidate": True},
    ],
    ids=repr,
)  # fmt: skip
def test_malformed_edits_are_refused_in_one_line(
    visitor: Visitor, photo: Path, values: Json
) -> None:
    id = visitor.upload(photo)["id"]
    status, _, content = visitor.ask("POST", f"/photos/{id}/color", json.dumps(values).encode())
    assert status == 400
    assert json.loads(content)["error"].count("\n") == 0


def test_edits_know_no_more_than_they_are_told() -> None:
    edits = edits_from({"unknown": 1}, released=COLOR, references={})
    assert edits.color == COLOR
    assert not edits.hints


# Hostile requests


@pytest.mark.parametrize(
    "path",
    [
        "/../main.py", "/..%2fmain.py", "/words/../../options.py", "/words/..%2f..%2foptions.py", "/%2e%2e/main.py",
        "//etc/passwd", "/page/index.html", "/photos/..%2f..%2f/gray", "/photos/%00/gray", "/words", "/login.html",
    ],
)  # fmt: skip
def test_no_path_leads_to_other_files(visitor: Visitor, path: str) -> None:
    status, _, content = visitor.ask("GET", path)
    assert status in {404, 405}
    assert b"import" not in content


@pytest.mark.parametrize(
    "name", ["../../evil.png", "..\\evil.png", "/etc/evil.png", "a\0b.png", "x" * 5000, ""]
)
def test_no_name_leads_out_of_the_uploads(
    visitor: Visitor, photo: Path, home: Path, name: str
) -> None:
    before = {path for path in home.rglob("*") if "uploads" not in path.parts}
    for to in ("/photos", "/references"):
        answer = visitor.upload(photo, to=to, name=name or "?")
        assert {path for path in home.rglob("*") if "uploads" not in path.parts} == before
    answer = visitor.upload(photo, name=name or "?")
    assert "/" not in answer["name"]
    assert len(answer["name"]) <= 200
    assert {path for path in home.rglob("*") if "uploads" not in path.parts} == before


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8300", "127.0.0.1.evil.example", "10.0.0.7", ""]
)
def test_another_name_for_this_machine_is_refused(visitor: Visitor, host: str) -> None:
    """DNS rebinding: a site that points its name at our address still sends its own name as Host."""
    assert visitor.ask("GET", "/", Host=host)[0] in {400, 421}


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "", "http://127.0.0.1:1"])
def test_another_site_changes_nothing(
    visitor: Visitor, photo: Path, home: Path, origin: str
) -> None:
    before = len(list((home / "uploads").iterdir()))
    status, _, _ = visitor.ask("POST", "/photos?name=x.png", photo.read_bytes(), Origin=origin)
    assert status == 403
    assert len(list((home / "uploads").iterdir())) == before


def test_another_site_reads_nothing(visitor: Visitor) -> None:
    assert visitor.ask("GET", "/queue", Sec_Fetch_Site="cross-site")[0] == 403
    link = {"Sec_Fetch_Site": "cross-site", "Sec_Fetch_Mode": "navigate"}
    assert visitor.ask("GET", "/", **link)[0] == 200


def test_every_answer_forbids_other_sources(visitor: Visitor) -> None:
    for path in ("/", "/queue", "/nothing"):
        _, headers, _ = visitor.ask("GET", path)
        policy = headers["content-security-policy"]
        assert policy.startswith("default-src 'none'")
        assert "http" not in policy
        assert "unsafe" not in policy
        assert headers["x-content-type-options"] == "nosniff"


def test_ten_gigabytes_are_refused_when_they_are_announced(visitor: Visitor, home: Path) -> None:
    before = len(list((home / "uploads").iterdir()))
    with socket.create_connection(("127.0.0.1", visitor.port), timeout=30) as connection:
        host = f"127.0.0.1:{visitor.port}"
        lines = ["POST /photos?name=x.png HTTP/1.1", f"Host: {host}", f"Origin: http://{host}"]
        connection.sendall("\r\n".join([*lines, "Content-Length: 10000000000", "", ""]).encode())
        assert b" 413 " in connection.recv(200)
    wait_for(lambda: len(list((home / "uploads").iterdir())) == before)


def test_an_upload_that_breaks_off_leaves_nothing(visitor: Visitor, home: Path) -> None:
    before = len(list((home / "uploads").iterdir()))
    with socket.create_connection(("127.0.0.1", visitor.port), timeout=30) as connection:
        host = f"127.0.0.1:{visitor.port}"
        lines = ["POST /photos?name=x.png HTTP/1.1", f"Host: {host}", f"Origin: http://{host}"]
        connection.sendall("\r\n".join([*lines, "Content-Length: 1000", "", "abc"]).encode())
        wait_for(lambda: len(list((home / "uploads").iterdir())) > before)
    wait_for(lambda: len(list((home / "uploads").iterdir())) == before)


def test_long_json_is_refused(visitor: Visitor, photo: Path) -> None:
    id = visitor.upload(photo)["id"]
    assert visitor.ask("POST", f"/photos/{id}/color", b"[" * 2_000_001)[0] == 413
    assert visitor.ask("POST", f"/photos/{id}/color", b"[" * 100_000)[0] == 400


def test_fifty_uploads_at_once_are_queued(visitor: Visitor, photo: Path) -> None:
    with ThreadPoolExecutor(50) as pool:
        answers = list(pool.map(lambda _: visitor.upload(photo), range(50)))
    assert len({answer["id"] for answer in answers}) == 50
    assert json.loads(visitor.get("/queue")) == {"length": 0}


# Other machines


@pytest.fixture(scope="module")
def outside(tmp_path_factory: pytest.TempPathFactory, run: RunOptions) -> Iterator[Visitor]:
    options = {"web_host": "0.0.0.0", "web_password": "open sesame"}
    folder = tmp_path_factory.mktemp("outside")
    with served(folder, settings_of(run, folder), **options) as visitor:
        yield visitor


def test_other_machines_need_the_password(outside: Visitor) -> None:
    for path in ("/", "/photos.js", "/queue", "/?token=wrong", "/nothing"):
        status, _, content = outside.ask("GET", path)
        assert status == 401
        assert b'type="password"' in content
    assert outside.ask("POST", "/photos?name=x.png", b"x")[0] == 401
    status, headers, _ = outside.ask("GET", "/page.css")  # of the login page
    assert (status, headers["content-type"].split(";")[0]) == (200, "text/css")


def test_the_password_opens_the_page(outside: Visitor) -> None:
    status, headers, _ = outside.ask("POST", "/login", b"password=open+sesame")
    assert status == 303
    cookie = headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert "sesame" not in cookie
    assert outside.ask("GET", "/", Cookie=cookie.partition(";")[0])[0] == 200
    assert outside.ask("GET", "/", Cookie="colorizer=guess")[0] == 401
    assert outside.ask("POST", "/login", b"password=wrong")[0] == 401
    assert (
        outside.ask("POST", "/login", b"password=open+sesame", Origin="http://evil.example")[0]
        == 403
    )


def test_a_password_is_made_up_for_other_hosts_only() -> None:
    assert password_for(WebOptions()) == ""
    outside = WebOptions(web_host="0.0.0.0")
    made_up = password_for(outside)
    assert len(made_up) >= 16
    assert made_up != password_for(outside)
    assert f"?token={made_up}" in address(outside, 80, made_up)
    assert "token" not in address(WebOptions(web_host="0.0.0.0", web_password="x"), 80, "x")


# The command


def usage(*words: str, capsys: pytest.CaptureFixture[str]) -> str:
    with pytest.raises(SystemExit):
        main.main(list(words))
    return capsys.readouterr().err


def test_the_page_is_a_command_of_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    tell: Callable[..., str] = partial(usage, capsys=capsys)
    assert "three commands" in tell("-web", "-img_in", "x.png")
    assert "-web_port is for -web" in tell("-img_in", "x.png", "-web_port", "1")
    assert "-save is for" in tell("-web", "-save", "x.png")


def test_what_is_missing_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    assert main.main(["-web"]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "pip install -r requirements-web.txt" in said


def test_a_port_that_is_taken_is_named(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(signal, "signal", lambda *_: None)  # this process runs the tests
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert main.main(["-web", "-web_port", str(port)]) == 2
    assert f"cannot listen on 127.0.0.1 port {port}" in capsys.readouterr().err
