"""The film command checks everything before any work, creates nothing while it does, then works on each film."""

import csv
import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import cv2
import pytest
from films import colorization, picture, run_ffmpeg
from helpers import files_and_folders

import main
from color.guidance import read_hint
from color.options import GuidanceOptions
from color.segment import Colorization
from conversion import color_films
from film import FilmError, finished
from film.command import FilmColorization, FilmWork, plan_films
from film.jobs import open_job
from film.options import EncoderOptions, FilmCommand, FilmOptions
from film.probe import probe
from film.work import manifest_of
from photo.inputs import InputOptions

Make = Callable[[str], Path]
Plan = Callable[..., FilmWork]
COLORIZE, UNGUIDED = FilmCommand(), GuidanceOptions()


@pytest.fixture
def planned(tmp_path: Path) -> Plan:
    """Plan the work on films with an arithmetic colorizer."""
    options = FilmOptions(cache=tmp_path / "cache", workers=1, recolor=True)

    def call(
        films: Sequence[Path], command: FilmCommand = COLORIZE, *, save: str | None = None,
        guided: GuidanceOptions = UNGUIDED, load: Callable[[], Colorization] = colorization,
        codec: str = "h264", weights: Path | None = None, overwrite: bool = False,
        report: Path | None = None, dry_run: bool = False,
    ) -> FilmWork:  # fmt: skip
        inputs = InputOptions(
            movie_in=tuple(map(str, films)), save=save, overwrite=overwrite, report=report,
            dry_run=dry_run,
        )  # fmt: skip
        chosen = replace(options, encoder=EncoderOptions(codec), overwrite=overwrite)
        return plan_films(
            inputs, command, chosen, guided, FilmColorization(load, color_films, weights)
        )

    return call


def no_weights() -> Colorization:
    raise FileNotFoundError("no weights file")


def test_folders_that_do_not_exist_yet_are_made_when_a_film_is_finished(
    planned: Plan, film: Make, tmp_path: Path
) -> None:
    report, save = tmp_path / "new" / "told" / "report.json", tmp_path / "other" / "out.mkv"
    work = planned([film("plain.mp4")], report=report, save=str(save))
    assert files_and_folders(tmp_path) == {}
    (result,) = work.results()
    assert (result.error, result.output) == (None, (str(save),))
    assert json.loads(report.read_text())["inputs"][0]["result"] == str(save)
    assert probe(save).frames == 25


@pytest.mark.parametrize(
    ("sound", "suffix"),
    [(("libopencore_amrnb", "-ar", "8000", "-ac", "1"), ".mov"), (("aac",), ".mkv")],
)
def test_the_default_container_holds_the_film_s_sound(
    planned: Plan, tmp_path: Path, sound: tuple[str, ...], suffix: str
) -> None:
    path = tmp_path / "film.3gp"
    tone = ("-f", "lavfi", "-i", "sine=duration=0.2", "-c:v", "h263", "-c:a", *sound)
    run_ffmpeg(*picture("176x144", seconds=0.2), *tone, path)
    (task,) = planned([path]).tasks
    assert task.target == tmp_path / f"film.color{suffix}"
    (task,) = planned([path], save=str(tmp_path / "named.mkv")).tasks
    assert task.target == tmp_path / "named.mkv"
    (task,) = planned([path], codec="ffv1").tasks  # only Matroska holds its picture
    assert task.target == tmp_path / "film.color.mkv"


@pytest.mark.parametrize("names", [["plain.mp4"], ["plain.mp4", "silent.mp4"]])
def test_a_preview_goes_into_a_folder_that_does_not_exist_yet(
    planned: Plan, film: Make, tmp_path: Path, names: list[str]
) -> None:
    sheets = tmp_path / "new" / "sheets"
    paths = [sheets / Path(name).with_suffix(".png") for name in names]
    preview = sheets if len(names) > 1 else paths[0]
    work = planned([film(name) for name in names], FilmCommand(preview=preview))
    assert files_and_folders(tmp_path) == {}
    assert [result.output for result in work.results()] == [(str(path),) for path in paths]
    assert all(cv2.imread(str(path)) is not None for path in paths)


def test_keyframes_of_several_films_go_into_a_folder_each_and_one_failure_stops_none(
    planned: Plan, film: Make, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"no film")
    films, keys = [film("plain.mp4"), broken, film("silent.mp4")], tmp_path / "new" / "keys"
    caplog.set_level("INFO")
    plain, failed, silent = planned(
        films, FilmCommand(keyframes=keys, keyframes_per_shot=2)
    ).results()
    assert failed.error
    assert "broken.mp4" in failed.error
    assert sorted(path.name for path in keys.iterdir()) == ["plain", "silent"]
    for result in (plain, silent):
        (folder,) = map(Path, result.output)
        listed = json.loads((folder / "keyframes.json").read_text())
        assert listed["film"] == f"{folder.name}.mp4"
        assert len(listed["keyframes"]) == 2
        assert len(list(folder.glob("shot001.frame*.color.png"))) == 2
        assert "2 keyframes of 1 shot" in " ".join(caplog.messages)


def test_a_report_has_an_entry_for_each_film_with_the_record_of_its_work(
    planned: Plan, film: Make, tmp_path: Path
) -> None:
    broken, told = tmp_path / "broken.mp4", tmp_path / "told.json"
    broken.write_bytes(b"no film")
    films = [film("plain.mp4"), broken, film("silent.mp4")]
    for outcome in ("colored", "already there"):
        work = planned(films, report=told, save=f"{tmp_path}/out/")
        assert [bool(result.error) for result in work.results()].count(True) == 1
        rows = {Path(row["source"]).name: row for row in json.loads(told.read_text())["inputs"]}
        outcomes = {name: row["outcome"] for name, row in rows.items()}
        assert outcomes == {"plain.mp4": outcome, "broken.mp4": "failed", "silent.mp4": outcome}
        details = rows["plain.mp4"]["details"]
        assert details["streams_kept"] == {"audio": 1}
        assert details["segments"][0]["first"] == 0
        assert rows["broken.mp4"]["details"] == {}


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"report": Path("there.json")}, "there.json exists already and is no report: add"),
        ({"report": Path("told.txt")}, "name a file with .csv or .json"),
        ({"command": FilmCommand(preview=Path("there.json"))}, "there.json exists already: add"),
        ({"command": FilmCommand(keyframes=Path("there.json"))}, "another place with -keyframes"),
        (
            {"command": FilmCommand(keyframes=Path("kept"))},
            "kept/shot001.frame000007.png exists al",
        ),
        ({"command": FilmCommand(preview=Path("w.npz")), "overwrite": True}, "w.npz is an input"),
        (
            {"report": Path("w.json"), "weights": Path("w.json"), "overwrite": True},
            "w.json is an input",
        ),
        ({"report": Path("there.json/x/r.csv")}, "another place with -report"),
        ({"save": "there.json/x/"}, "another place with -save"),
        ({"load": no_weights}, "no weights file"),
        ({"guided": GuidanceOptions(hints=Path("none.json"))}, "none.json is not a file"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_command_that_is_refused_leaves_no_folder(
    planned: Plan, film: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    wrong: dict[str, object], says: str,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    Path("kept").mkdir()
    for name in ("there.json", "w.npz", "w.json", "kept/shot001.frame000007.png"):
        Path(name).touch()
    before = files_and_folders(tmp_path)
    settings = {"save": "new/one/out.mkv", "weights": Path("w.npz"), **wrong}
    with pytest.raises((OSError, ValueError), match=says):
        planned([film("plain.mp4")], **settings)
    assert files_and_folders(tmp_path) == before


def test_films_of_one_name_cannot_have_one_preview(
    planned: Plan, film: Make, tmp_path: Path
) -> None:
    shutil.copy(film("plain.mp4"), tmp_path / "plain.mkv")
    before = files_and_folders(tmp_path)
    films = [film("plain.mp4"), tmp_path / "plain.mkv"]
    for option in ("preview", "keyframes"):
        command = FilmCommand(**{option: tmp_path / "told"})
        with pytest.raises(
            ValueError, match=r"become .*told/plain(\.|/keyframes\.)(json|png): run"
        ):
            planned(films, command=command, save=f"{tmp_path}/out/")
    assert files_and_folders(tmp_path) == before


def test_guidance_is_for_one_film(planned: Plan, film: Make) -> None:
    films = [film(name) for name in ("plain.mp4", "silent.mp4")]
    with pytest.raises(ValueError, match="are for one film, got 2: give one input"):
        planned(films, FilmCommand(leave=("1",)))


def test_an_encoder_is_tried_only_for_films_that_are_still_to_be_colorized(
    planned: Plan, film: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise FilmError("cannot encode")

    monkeypatch.setattr("film.encode.check_encoder", broken)
    attempt = partial(planned, [film("plain.mp4")], save=str(tmp_path / "out.mkv"))
    with pytest.raises(FilmError, match="cannot encode"):
        attempt()
    for command in (
        FilmCommand(probe="text"),
        FilmCommand(preview=tmp_path / "sheet.png"),
        FilmCommand(keyframes=tmp_path / "keys"),
    ):
        assert len(attempt(command).tasks) == 1
    (tmp_path / "out.mkv").touch()
    work = attempt()
    assert not work.tasks
    assert len(work.ledger.failures) == 1


def test_a_table_lists_all_films_and_a_rerun_still_does(
    planned: Plan, film: Make, tmp_path: Path
) -> None:
    broken, table = tmp_path / "broken.mp4", tmp_path / "told.csv"
    broken.write_bytes(b"no film")
    films = [film("plain.mp4"), broken]
    for outcome in ("colored", "already there"):
        work = planned(films, save=f"{tmp_path}/out/", report=table)
        assert [result.error is None for result in work.results()].count(False) == 1
        with table.open(newline="", encoding="utf-8") as file:
            plain, failed = csv.DictReader(file)
        assert (plain["outcome"], failed["outcome"]) == (outcome, "failed")
        assert plain["result"] == str(tmp_path / "out" / "plain.color.mp4")
        info = probe(films[0]).video
        assert (int(plain["width"]), int(plain["height"])) == (info.width, info.height)
        assert plain["kept"] == "video; 1 sound track"
        assert json.loads(plain["settings"])["codec"] == "h264"
        assert "broken.mp4" in failed["reason"]


def test_a_dry_run_of_films_creates_nothing(planned: Plan, film: Make, tmp_path: Path) -> None:
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"no film")
    before = files_and_folders(tmp_path)
    work = planned([film("plain.mp4"), broken], save=f"{tmp_path}/out/", dry_run=True)
    plain, failed = work.results()
    assert plain.output == (f"{film('plain.mp4')} -> {tmp_path}/out/plain.color.mp4",)
    assert "broken.mp4" in str(failed.error)
    assert files_and_folders(tmp_path) == before


def test_a_roomier_container_does_not_take_another_film_s_result(
    planned: Plan, film: Make, tmp_path: Path
) -> None:
    path = tmp_path / "film.3gp"
    tone = ("-f", "lavfi", "-i", "sine=duration=0.2", "-c:v", "h263")
    tone += ("-c:a", "libopencore_amrnb", "-ar", "8000", "-ac", "1")
    run_ffmpeg(*picture("176x144", seconds=0.2), *tone, path)
    shutil.copy(film("plain.mp4"), tmp_path / "film.mov")
    tasks = planned([path, tmp_path / "film.mov"]).tasks
    assert [task.target.name for task in tasks] == ["film.color.mkv", "film.color.mov"]


def test_the_jobs_are_listed_and_cleaned_by_the_command(
    gray_film: Path, options: FilmOptions, capsys: pytest.CaptureFixture[str]
) -> None:
    with open_job(options.cache, manifest_of(gray_film, colorization(), options)) as job:
        pass
    words = ["-jobs", "-cache", str(options.cache)]
    assert main.main(words) == 0
    listed = capsys.readouterr().out.splitlines()
    assert listed[0].startswith(f"{job.folder}: {gray_film}, 0 of 0+ frames, ")
    assert listed[1].startswith("1 job, ")
    (options.cache / f"one{finished.SUFFIX}").touch()
    assert main.main([*words[:1], "clean", *words[1:]]) == 0
    assert capsys.readouterr().out.startswith(f"deleted {job.folder}: ")
    assert not any(options.cache.iterdir())
    assert not job.folder.exists()
    assert main.main(words) == 0
    assert capsys.readouterr().out == "0 jobs, 0.0 MB\n"
    with pytest.raises(SystemExit) as ended:
        main.main(["-jobs", "-saturation", "2"])
    assert ended.value.code == 2


def test_a_rerun_with_other_settings_makes_our_result_again_and_only_ours(
    planned: Plan, film: Make, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    source, out = film("plain.mp4"), tmp_path / "out.mp4"
    (result,) = planned([source], save=str(out)).results()
    assert result.error is None
    assert planned([source], save=str(out)).tasks == []
    warm = GuidanceOptions(hint=(read_hint("0,1,1,#b03030"),))
    again = planned([source], save=str(out), guided=warm)
    assert [task.target for task in again.tasks] == [out]
    assert "1 result made with other settings: again" in caplog.messages
    before = out.read_bytes()
    (result,) = again.results()
    assert result.error is None
    assert out.read_bytes() != before
    assert planned([source], save=str(out), guided=warm).tasks == []
    out.write_bytes(source.read_bytes())
    assert "exists already" in str(planned([source], save=str(out)).ledger.failures)
