"""Colorization of photographs and of segments of films; the network is loaded once.

    rgb = Colorizer()(gray)

As a script, `python gray2color.py IN OUT` colorizes one picture; `main.py` is the full command.
"""

import dataclasses
import functools
import inspect
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, overload

from color.arrays import Floats, Picture
from color.guidance import UNGUIDED, Guidance, guidance_arguments
from color.likely import LikelyColor, Suggestion
from color.segment import Colorization
from image.resize import color_field
from model import chosen_network
from model.contract import Predictor
from model.decode import Prediction
from model.distribution import ColorDistribution, suggestions
from model.frames import colored_frames
from model.onnx_signature import OnnxFile
from model.options import (
    CONTRAST,
    GUIDANCE,
    NEUTRAL,
    SATURATION,
    STEADY,
    TEMPERATURE,
    ColorizerOptions,
    ColorOptions,
    NetworkKind,
    RunOptions,
)
from model.paddle_import import uses_gpu
from model.photo_colors import PhotoAb, PhotoColors, recolored
from model.program import Device, Precision
from model.shot_colors import SegmentColorizer, ShotColors
from model.weights_file import RELEASED
from photo.compose import Composition
from photo.inputs import Result, Task
from photo.options import PhotoOptions
from prior.lab import gray2lightness
from runtime.names import named_arguments
from runtime.progress import progress_for
from runtime.workers import cores


@named_arguments
def _checked() -> dict[str, str]:
    """Return the arguments of other calls, each as it is written there."""
    own = {name: f"Colorizer({name}=...)" for name in inspect.signature(Colorizer).parameters}
    return own | guidance_arguments()


class Colorizer(SegmentColorizer):
    """Colorizes gray pictures and frames of films; keeps the network loaded.

    weights, network_kind : a weights file, by default the released one, or an ONNX file and what it receives and
        returns, if it does not tell
    device : "auto" uses a GPU if Paddle and the machine support one
    precision : "auto" uses bf16 if the processor is faster in it, else fp32; "fastest", for films, may also use int8
    threads : processor cores to use; default: all
    temperature : of the annealed mean: 1 the mean color, below it purer and bolder
    saturation : factor of the chroma
    working_size : short side of the network's input, in pixels; default: as released, or the ONNX file's own
    steady : 0..1, temporal consistency of films; 0 colorizes each frame independently
    smoothing : smooth colors where the network is undecided, so that plain walls stay plain
    contrast, neutral : contrast of colors within a picture, and chroma below which colors turn gray, both without
        hints: see `model.decode`; 1 and 0 leave the prediction unchanged
    palette, mood, guidance : #rrggbb or names, and mood, of all colors; their strength 0..1, references included
    predictor : a loaded network, instead of the weights' program on a device

    Raises FileNotFoundError or ValueError for missing or invalid weights, ValueError for settings that the commands
    refuse, RuntimeError if a GPU is requested but not available, and each method TypeError for an argument that it does not have.
    """

    @_checked
    def __init__(
        self,
        weights: Path | str | OnnxFile = RELEASED,
        *,
        network_kind: NetworkKind | None = None,
        device: Device = "auto",
        precision: Precision = "auto",
        threads: int | None = None,
        temperature: float = TEMPERATURE,
        saturation: float = SATURATION,
        working_size: int | None = None,
        steady: float = STEADY,
        smoothing: bool = True,
        contrast: float = CONTRAST,
        neutral: float = NEUTRAL,
        palette: Sequence[str] = (),
        mood: str | None = None,
        guidance: float = GUIDANCE,
        predictor: Predictor | None = None,
    ) -> None:
        if predictor is None:  # evaluations, which give one, go beyond these ranges
            ColorizerOptions(
                device=device, precision=precision, threads=threads, temperature=temperature, saturation=saturation,
                working_size=working_size, steady=steady, contrast=contrast, neutral=neutral,
            )  # fmt: skip
        self.threads = threads or cores()
        network = predictor or chosen_network.open_network(
            weights, kind=network_kind, device=device, precision=precision,
            threads=self.threads, temperature=temperature,
        )  # fmt: skip
        plain = chosen_network.ab_predictor(
            network, temperature, saturation, working_size, smoothing=smoothing, contrast=contrast, neutral=neutral,
        )  # fmt: skip
        wanted = Guidance(palette=palette, mood=mood, strength=guidance)
        self._predict = recolored(plain, wanted)
        self._photos = PhotoColors(self._predict)
        self._shots = ShotColors(self._predict, steady, self._photos.palette_from)

    def with_options(self, color: ColorOptions) -> "Colorizer":
        """Return a colorizer with other settings that shares the network."""
        chosen = {name: value for name, value in vars(color).items() if value is not None}
        return Colorizer(
            predictor=self._predict.network, threads=self.threads, steady=self._shots.steadiness,
            smoothing=self._predict.smoothing, contrast=self._predict.contrast,
            neutral=self._predict.neutral, **chosen,
        )  # fmt: skip

    @overload
    def __call__(self, gray: Picture, guidance: Guidance = ...) -> Picture: ...
    @overload
    def __call__(self, gray: Sequence[Picture], guidance: Guidance = ...) -> list[Picture]: ...
    @_checked
    def __call__(self, gray: Any, guidance: Guidance = UNGUIDED) -> Any:
        """Colorize gray (H, W) uint8 or uint16; return rgb (H, W, 3) of the same dtype and lightness.

        gray : the picture, or a list of pictures of any sizes, for which a list is returned
        guidance : the user's guidance; palette, mood and strength override the Colorizer's settings
        The channels are red, green, blue; OpenCV stores them in reverse: `cv2.imwrite("new.png", rgb[..., ::-1])`.
        """
        if isinstance(gray, list | tuple):
            return [self.composition(one, guidance).whole() for one in gray]
        return self.composition(gray, guidance).whole()

    def composition(self, gray: Picture, guidance: Guidance = UNGUIDED) -> Composition:
        """Colorize as `__call__` does, but compose the picture later, as a whole or band by band."""
        return self._composed(self._photos.ab(gray, guidance), gray)

    @_checked
    def ab(self, gray: Picture, guidance: Guidance = UNGUIDED) -> Floats:
        """Predict ab (h, w, 2) for gray (H, W): small, or of a registered reference's size, with guidance as above."""
        return self._photos.ab(gray, guidance).ab

    @_checked
    def candidates(self, gray: Picture, n: int = 5, guidance: Guidance = UNGUIDED) -> list[Picture]:
        """Colorize gray (H, W) in up to n plausible, visibly different ways, with guidance as above.

        Returns a list of rgb (H, W, 3), the first as from `__call__`; fewer than n if no others differ visibly.
        """
        return [one.whole() for one in self.candidate_compositions(gray, n, guidance)]

    @_checked
    def candidate_guidance(
        self, gray: Picture, n: int = 5, guidance: Guidance = UNGUIDED
    ) -> list[Guidance]:
        """Return the guidance that makes each of `candidates` again, to whose `hints` more can be added."""
        made = self.candidate_compositions(gray, n, guidance)
        return [guidance.based_on(one.candidate) for one in made]

    def candidate_compositions(
        self, gray: Picture, n: int = 5, guidance: Guidance = UNGUIDED
    ) -> list[Composition]:
        """Colorize as `candidates` does, but compose the pictures later."""
        return [self._composed(one, gray) for one in self._photos.candidates(gray, n, guidance)]

    @_checked
    def confidence(self, gray: Picture, guidance: Guidance = UNGUIDED) -> Floats:
        """Return the network's confidence at each pixel of gray (H, W): (H, W), 1 certain, 0 all colors equally likely."""
        return self.distribution(gray, guidance).confidence(gray.shape)

    @_checked
    def suggest(self, gray: Picture, n: int = 5, guidance: Guidance = UNGUIDED) -> list[Suggestion]:
        """Suggest up to n places of gray (H, W) where a hint would help most, each with its likely colors."""
        return suggestions(self.distribution(gray, guidance), n, picture=gray.shape)

    @_checked
    def likely_colors(
        self, gray: Picture, x: float, y: float, guidance: Guidance = UNGUIDED
    ) -> list[LikelyColor]:
        """Return the likely colors at a pixel of gray (H, W), the likeliest first; for several, see `distribution`."""
        return self.distribution(gray, guidance).likely_colors_at(x, y, picture=gray.shape)

    @_checked
    def distribution(self, gray: Picture, guidance: Guidance = UNGUIDED) -> ColorDistribution:
        """Predict the distribution of colors at each position of gray (H, W)."""
        return self._photos.distribution(gray, guidance)

    def _composed(self, colors: PhotoAb, gray: Picture) -> Composition:
        smooth = colors.smoothness
        field = color_field(colors.ab, gray, to_lightness=gray2lightness, smoothness=smooth)
        return Composition(
            gray, field, self.threads, colors.note, colors.confidence, colors.candidate
        )

    @_checked
    def frames(
        self,
        grays: Iterable[Picture],
        keyframes: Mapping[int, Picture] | None = None,
        reference: Picture | None = None,
    ) -> Iterator[Picture]:
        """Colorize the gray frames (H, W) of one shot steadily, in order; yield rgb (H, W, 3) of the same lightness.

        keyframes : colored frames, rgb or rgba (H', W', 3 or 4) uint8 by number from 0, transparent where they say
            nothing; their colors are carried through the shot, which is then read as a whole before the first result
        reference : a picture with the desired colors, rgb (h, w, 3) uint8; keyframes say more

        Raises ValueError for frames of different sizes, and for a keyframe that does not show its frame.
        """
        for gray, ab in colored_frames(
            self, grays, keyframes, side=self._predict.working_size, reference=reference
        ):
            yield self._composed(PhotoAb(ab), gray).whole()

    @_checked
    def predict(
        self, lightness: Floats, *, hints: Floats | None = None, palette: Floats | None = None
    ) -> Prediction:
        """Predict small ab for L (n, H, W) 0..100 at the working size: see `AbPredictor`."""
        return self._predict(lightness, hints=hints, palette=palette)


def colorizer_factory(
    color: ColorOptions,
    run: RunOptions,
    *,
    threads: int | None,
    steady: float = STEADY,
    films: bool = False,
) -> Callable[[], Colorizer]:
    """Return a picklable function that loads the network with the chosen options.

    films : allow int8, which takes longer to open but pays off over thousands of frames; photos never use it by
        default, so that a photo gets the same colors alone and in a batch
    """
    precision = run.film_precision if films else run.precision
    options = {**dataclasses.asdict(color), "weights": chosen_network.network_of(run)}
    options |= {"device": run.device, "precision": precision, "threads": threads, "steady": steady}
    chosen: Any = {name: value for name, value in options.items() if value is not None}
    return functools.partial(Colorizer, **chosen)


def film_colorization(color: ColorOptions, run: RunOptions, *, steady: float) -> Colorization:
    """Return the colorization of films: each worker process runs one network with one thread."""
    factory = colorizer_factory(color, run, threads=1, steady=steady, films=True)
    return chosen_network.films_by(factory, color, run, steady=steady)


def colorize_photo_files(
    tasks: Sequence[Task],
    options: PhotoOptions,
    *,
    color: ColorOptions,
    run: RunOptions,
    guidance: Guidance,
) -> Iterator[Result]:
    """Colorize photos in single-threaded processes, or in this process on a GPU or for a few photos."""
    from photo.batch import FEW, colorize_photos

    alone = len(tasks) <= FEW or run.device == "gpu" or uses_gpu(run.device)
    processes = 1 if alone else run.threads or chosen_network.processes_that_fit(run) or cores()
    load = colorizer_factory(color, run, threads=run.threads if processes == 1 else 1)
    factory = functools.partial(guided, load, guidance, candidates=options.candidates)
    if processes > 1:
        refers, recolors = guidance.reference is not None, bool(color.palette or color.mood)
        distributes = bool(refers or recolors or options.candidates)
        chosen_network.prepare(run, color, distributes=distributes, refers=refers)
    progress = progress_for(quiet=run.quiet)
    return colorize_photos(tasks, factory, options=options, processes=processes, progress=progress)


def guided(
    factory: Callable[[], Colorizer],
    guidance: Guidance = UNGUIDED,
    *,
    candidates: int | None = None,
) -> Callable[[Picture], Composition | Sequence[Composition]]:
    """Load the network and return what colorizes every picture with the same guidance, optionally with candidates."""
    from photo.batch import Guided

    return Guided(factory(), guidance, candidates)


def main(argv: Sequence[str] | None = None) -> int:
    """Colorize one picture: python gray2color.py IN OUT. Never overwrite an existing file."""
    from photo.batch import PHOTOS, colorize_photos
    from photo.inputs import plan

    words = sys.argv[1:] if argv is None else list(argv)
    if len(words) != 2 or words[0].startswith("-"):
        print("usage: python gray2color.py IN OUT    (more options: main.py)", file=sys.stderr)
        return 2
    try:
        planned = plan(words[:1], kind=PHOTOS, save=words[1])
        problems = [result.error for result in planned.failures]
        taken = [task.target for task in planned.tasks if os.path.lexists(task.target)]
        problems += [f"{path} already exists: remove it or name another" for path in taken]
        if free := [task for task in planned.tasks if task.target not in taken]:
            problems += [done.error for done in colorize_photos(free, Colorizer) if done.error]
    except (OSError, ValueError, RuntimeError) as error:
        problems = [str(error)]
    for line in problems:
        print(f"gray2color.py: {line}", file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
