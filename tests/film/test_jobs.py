"""Jobs on disk: only complete files, one process at a time, several side by side, no mixing of different work."""

import os
import shutil
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from film.job import AB, MANIFEST, ROOMS, JobError, Manifest, SegmentRecord
from film.jobs import LOCK, delete_job, folder_of, job_lines, jobs_in, open_job, remove
from film.source import source_of
from runtime.files import delete_lock, temporary_name

ROOT = Path(__file__).resolve().parent.parent.parent


@pytest.fixture
def film(tmp_path: Path) -> Path:
    path = tmp_path / "a film.mp4"
    path.write_bytes(bytes(range(256)) * 20_000)
    return path


def manifest_of(film: Path, **settings: object) -> Manifest:
    return Manifest(source_of(film), str(film), {"crf": 18, **settings}, weights="0" * 64)


def test_the_same_work_is_continued(film: Path, tmp_path: Path) -> None:
    with open_job(tmp_path / "cache", manifest_of(film)) as job:
        job.note(segments=(SegmentRecord(0, 0, 0, 0, 240),))
        (job.folder / "shots" / "00000.mkv").write_bytes(b"done")
    with open_job(tmp_path / "cache", manifest_of(film)) as job:
        assert job.manifest.segments == (SegmentRecord(0, 0, 0, 0, 240),)
        assert (job.folder / "shots" / "00000.mkv").read_bytes() == b"done"


def test_a_manifest_of_many_segments_is_not_written_for_each(film: Path, tmp_path: Path) -> None:
    written: dict[int, int] = {}  # bytes of each file that was put in the manifest's place
    found = [SegmentRecord(i, i, 0, 10 * i, 10) for i in range(3000)]
    with open_job(tmp_path / "cache", manifest_of(film)) as job:
        for record in found:
            job.add(record)
            there = (job.folder / MANIFEST).stat()
            written[there.st_mtime_ns] = there.st_size
    size = (job.folder / MANIFEST).stat().st_size
    assert sum(written.values()) < 10 * size  # 1500 times if each were written
    with open_job(tmp_path / "cache", manifest_of(film)) as job:
        assert job.manifest.segments == tuple(found)


def test_paths_that_are_not_utf8_are_named(film: Path, tmp_path: Path) -> None:
    folder = tmp_path / os.fsdecode(b"a\xff")
    job = open_job(folder, manifest_of(film))
    with pytest.raises(JobError, match="films need paths in UTF-8: rename it"), job:
        pass
    assert not folder.exists()


def test_half_written_things_are_swept_away(film: Path, tmp_path: Path) -> None:
    with open_job(tmp_path / "cache", manifest_of(film)) as job:
        (job.folder / "shots" / "00000.mkv").touch()
        temporary_name(job.folder / "shots" / "00001.mkv").touch()
        frames = [job.folder / "input_img" / name for name in ("00000", "00001", "00002")]
        for folder in (*frames[:2], temporary_name(frames[2])):
            folder.mkdir()
            (folder / "1.png").touch()
    with open_job(tmp_path / "cache", manifest_of(film)) as job:
        assert [p.name for p in (job.folder / "shots").iterdir()] == ["00000.mkv"]
        assert sorted((job.folder / "input_img").iterdir()) == frames[:2]


@pytest.mark.parametrize("place", ["00000/0000000.png", "0000000.png", "mine/a/0000000.png"])
def test_frames_that_a_person_painted_are_not_deleted(
    film: Path, tmp_path: Path, place: str
) -> None:
    with open_job(tmp_path / "cache", manifest_of(film)) as job:
        painted = job.folder / "output_img" / place
        painted.parent.mkdir(parents=True, exist_ok=True)
        painted.touch()
    refused = pytest.raises(JobError, match=r"was not made by this program.*move or delete it")
    with refused, open_job(tmp_path / "cache", manifest_of(film), restart=True):
        pass
    (info,) = jobs_in(tmp_path / "cache")
    with refused:
        delete_job(info)
    assert painted.exists()
    painted.unlink()
    (job.folder / "output_img" / "00001").mkdir()
    (job.folder / "output_img" / "00001" / AB).touch()  # made by this program
    with open_job(tmp_path / "cache", job.manifest, restart=True) as job:
        remove(job)
    assert not job.folder.exists()


@pytest.mark.parametrize("place", ["", *ROOMS, MANIFEST, LOCK, "input_img/00000", "shots/0.part"])
def test_links_in_a_job_are_refused(film: Path, tmp_path: Path, place: str) -> None:
    with open_job(tmp_path / "cache", manifest_of(film)) as job:
        pass
    elsewhere = tmp_path / "elsewhere"
    shutil.move(job.folder / place, elsewhere) if (
        job.folder / place
    ).exists() else elsewhere.mkdir()
    kept = elsewhere / "x.part" if elsewhere.is_dir() else elsewhere
    kept.touch()
    (job.folder / place).symlink_to(elsewhere)
    for restart in (False, True):
        with (
            pytest.raises(JobError, match=r"is a link.*remove it"),
            open_job(tmp_path / "cache", manifest_of(film), restart=restart),
        ):
            pass
    for info in jobs_in(tmp_path / "cache"):  # not those whose manifest is a link to nothing
        with pytest.raises(JobError, match=r"is a link.*remove it"):
            delete_job(info)
    assert kept.exists()


STRANGE = [b"\xff\xfe", b"{" * 100_000, b'{"format": 2, "segments": []}', None]


@pytest.mark.parametrize("content", STRANGE, ids=["bytes", "nested", "short", "pipe"])
def test_an_unreadable_manifest_stops_its_own_film_only_and_is_named(
    film: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture, content: bytes | None
) -> None:
    strange = folder_of(tmp_path, manifest_of(film)) / MANIFEST
    strange.parent.mkdir()
    if content is None:
        os.mkfifo(strange)
    else:
        strange.write_bytes(content)
    with (
        pytest.raises(JobError, match=rf"{strange}: .*; add -restart"),
        open_job(tmp_path, manifest_of(film)),
    ):
        pass
    film.write_bytes(b"another film")
    with open_job(tmp_path, manifest_of(film)):
        assert [str(strange) in record.message for record in caplog.records] == [True]


def test_jobs_with_other_settings_live_side_by_side_and_are_named(
    film: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    with open_job(tmp_path / "cache", manifest_of(film)) as first:
        (first.folder / "shots" / "00000.mkv").touch()
    for wanted in (manifest_of(film, size=20), replace(manifest_of(film), weights="1" * 64)):
        with open_job(tmp_path / "cache", wanted) as job:
            assert job.folder != first.folder
    assert (first.folder / "shots" / "00000.mkv").exists()
    said = [record.message for record in caplog.records]
    assert "1 other job of this film at rest (the latest: size was None, now 20)" in said[0]
    assert "2 other jobs" in said[1]
    assert "weights were 0000" in said[1]


def test_a_changed_film_has_a_job_of_its_own(
    film: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    with open_job(tmp_path / "cache", manifest_of(film)) as job:
        old = job.folder
    film.write_bytes(b"another film")
    with open_job(tmp_path / "cache", manifest_of(film)) as job:
        assert job.folder != old
    assert old.exists()
    assert "the film itself has changed" in caplog.records[0].message


def test_another_encoding_keeps_the_job_but_not_its_shots(
    film: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    wanted = replace(manifest_of(film), encoding={"crf": 18})
    with open_job(tmp_path / "cache", wanted) as job:
        job.note(segments=(SegmentRecord(0, 0, 0, 0, 240),))
        shot, colors = (job.folder / room / "00000" for room in ("shots", "output_img"))
        shot.touch()
        colors.touch()
    with open_job(tmp_path / "cache", replace(wanted, encoding={"crf": 20})) as job:
        assert job.manifest.segments
        assert job.manifest.encoding == {"crf": 20}
        assert not shot.exists()
        assert colors.exists()
    assert [record.message for record in caplog.records] == [
        "crf was 18, now 20: encoding again, with the same colors"
    ]


def test_shots_that_another_job_found_are_not_searched_for_again(
    film: Path, tmp_path: Path
) -> None:
    found = (SegmentRecord(0, 0, 0, 0, 240),)
    with open_job(tmp_path / "cache", manifest_of(film, saturation=1)) as job:
        job.note(segments=found)
    with open_job(tmp_path / "cache", manifest_of(film, saturation=2)) as job:
        assert not job.manifest.segments  # the first has not found all
    with open_job(tmp_path / "cache", manifest_of(film, saturation=1)) as job:
        job.note(complete=True)
    with open_job(tmp_path / "cache", manifest_of(film, saturation=3)) as job:
        assert (job.manifest.segments, job.manifest.complete) == (found, True)
    with open_job(tmp_path / "cache", manifest_of(film, saturation=3, start=1)) as job:
        assert not job.manifest.segments


def test_jobs_are_listed_with_what_differs_and_deleted_at_rest(film: Path, tmp_path: Path) -> None:
    records = (SegmentRecord(0, 0, 0, 0, 240), SegmentRecord(1, 1, 0, 240, 60))
    with open_job(tmp_path / "cache", manifest_of(film, size=20)) as job:
        job.note(segments=records)
        (job.folder / "shots" / "00000.mkv").write_bytes(bytes(2_000_000))
    with open_job(tmp_path / "cache", manifest_of(film, size=30)) as working:
        first, second, total = job_lines(jobs_in(tmp_path / "cache"))
        assert first.startswith(f"{job.folder}: {film}, 240 of 300+ frames, 2.0 MB, at rest for ")
        assert first.endswith(", size 20")
        assert second.endswith(", in progress, size 30")
        assert total == "2 jobs, 2.0 MB"
        for info in jobs_in(tmp_path / "cache"):
            if info.working:
                with pytest.raises(JobError, match="another process is working"):
                    delete_job(info)
            else:
                delete_job(info)
        assert not job.folder.exists()
        assert working.folder.exists()


def test_jobs_of_older_versions_are_listed_and_deleted(film: Path, tmp_path: Path) -> None:
    with open_job(tmp_path / "cache", manifest_of(film)) as job:
        job.note(format=5)
    (info,) = jobs_in(tmp_path / "cache")
    assert job_lines([info])[0].startswith(f"{job.folder}: of another version, ")
    delete_job(info)
    assert not job.folder.exists()


def test_folders_of_other_programs_are_no_jobs(film: Path, tmp_path: Path) -> None:
    other = tmp_path / "cache" / "mine" / MANIFEST
    other.parent.mkdir(parents=True)
    other.write_text('{"name": "a web app"}')
    assert jobs_in(tmp_path / "cache") == []
    assert other.exists()


def test_a_moved_film_is_the_same_film(film: Path, tmp_path: Path) -> None:
    with open_job(tmp_path / "cache", manifest_of(film)) as job:
        job.note(segments=(SegmentRecord(0, 0, 0, 0, 240),))
    (tmp_path / "elsewhere").mkdir()
    moved = film.rename(tmp_path / "elsewhere" / film.name)
    with open_job(tmp_path / "cache", manifest_of(moved)) as job:
        assert job.manifest.segments
        assert job.manifest.path == str(moved)


def test_a_damaged_manifest_asks_for_restart(film: Path, tmp_path: Path) -> None:
    with open_job(tmp_path / "cache", manifest_of(film)) as job:
        (job.folder / MANIFEST).write_text("{", encoding="utf-8")
    with pytest.raises(JobError, match="-restart"), open_job(tmp_path / "cache", manifest_of(film)):
        pass


def test_a_removed_job_leaves_nothing(film: Path, tmp_path: Path) -> None:
    with open_job(tmp_path / "cache", manifest_of(film)) as job:
        remove(job)
    assert list((tmp_path / "cache").iterdir()) == []


def test_a_lock_that_another_process_has_open_stays_on_windows_and_the_job_can_start_again(
    film: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("film.jobs.delete_lock", lambda path: None)
    with open_job(tmp_path / "cache", manifest_of(film)) as job:
        remove(job)
    assert [path.name for path in job.folder.iterdir()] == [LOCK]
    with open_job(tmp_path / "cache", manifest_of(film)) as again:
        assert again.folder == job.folder


def test_a_job_that_another_process_starts_where_one_ends_is_not_deleted(
    film: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def delete_and_start(path: Path) -> None:
        delete_lock(path)
        path.touch()
        (path.parent / MANIFEST).write_text("another process's", encoding="utf-8")

    monkeypatch.setattr("film.jobs.delete_lock", delete_and_start)
    with open_job(tmp_path / "cache", manifest_of(film)) as job:
        remove(job)
    assert {path.name for path in job.folder.iterdir()} >= {MANIFEST}


def test_a_second_process_refuses_until_the_first_is_killed(film: Path, tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from film.source import source_of; from film.job import Manifest; from film.jobs import open_job\n"
        "film = Path(sys.argv[1]); wanted = Manifest(source_of(film), str(film), {'crf': 18}, '0' * 64)\n"
        "with open_job(Path(sys.argv[2]), wanted): print('locked', flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", code, str(film), str(tmp_path / "cache")]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(command, cwd=ROOT, text=True, **pipes) as first:
        assert first.stdout is not None
        assert first.stdout.readline() == "locked\n"
        with (
            pytest.raises(JobError, match="another process is working"),
            open_job(tmp_path / "cache", manifest_of(film)),
        ):
            pass
        first.send_signal(signal.SIGKILL)
        first.wait()
        with open_job(tmp_path / "cache", manifest_of(film)) as job:
            remove(job)


@pytest.mark.parametrize("name", ["100% %d.mp4", "a\nb.mkv", "電影 'x' \"y\".mov", "..", "x" * 200])
def test_a_job_folder_has_a_harmless_name(tmp_path: Path, name: str) -> None:
    source = replace(manifest_of(Path(__file__)).source, name=name)
    folder = folder_of(tmp_path, replace(manifest_of(Path(__file__)), source=source))
    assert folder.parent == tmp_path
    assert not set(folder.name) & set('%\n"<>|?*')
    assert len(folder.name) <= 80
