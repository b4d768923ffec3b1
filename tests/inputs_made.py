"""Small inputs of both kinds, and results as the program writes them."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
from helpers import landscape
from PIL import Image

from film.command import film_kind
from film.mux import append_mark
from film.options import FilmOptions
from photo.batch import PHOTOS
from photo.inputs import Kind, Task
from photo.read import read_photo
from photo.write import SUFFIXES, write_photo

FILM = b"\0\0\0\x14ftypisom\0\0\0\0mp42"
FILM += b"\0\0\0\x74moov\0\0\0\x6cmvhd" + bytes(12) + b"\0\0\3\xe8" + bytes(84)  # no streams
FILM += b"\0\0\0\x09free"


def films(**options: float) -> Kind:
    return film_kind(replace(FilmOptions(), **options))


def write_inputs(folder: Path, *names: str) -> list[Path]:
    paths = [folder / name for name in names]
    for seed, path in enumerate(paths):
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix in SUFFIXES:
            Image.fromarray(landscape(20, 30, seed=seed)).save(path)
        else:
            path.write_bytes(FILM + bytes([seed]))
    return paths


def color(task: Task, kind: Kind = PHOTOS) -> None:
    """Write a task's result as the program does."""
    task.target.parent.mkdir(parents=True, exist_ok=True)
    if kind.group == "photo":
        photo = replace(read_photo(task.source), mark=kind.mark_of(task.source))
        write_photo(task.target, np.repeat(photo.gray[..., None], 3, -1), like=photo)
    else:
        shutil.copy(task.source, task.target)
        append_mark(task.target, kind.mark_of(task.source))
