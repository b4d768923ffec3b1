"""The colors of a photo under guidance: one colorization, several, or the whole distribution."""

import dataclasses
import functools
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeAlias, get_args

import numpy as np
from numpy.typing import NDArray

from color.arrays import Floats
from color.guidance import Candidate, ColoredRegion, Guidance, Hint, ReferenceBy
from image.resize import SMOOTHNESS, TRUE_SMOOTHNESS, fitted
from model.candidates import as_candidate, candidates, drawn_over
from model.contract import check_gray, check_guidance, working_lightness
from model.correspondence import UNRELATED, matches_of, reference_correspondence
from model.decode import AbPredictor
from model.distribution import ColorDistribution, DistributionPredictor
from model.hints import palette_vector, point_planes, stroke_planes, weakened_hints
from model.palette import log_weights
from model.registered import RegisteredColors, distinct, enlarged, registered_colors
from model.spread import propagate
from prior.lab import color2ab, rgb2lab
from prior.qspace import WEIGHT_PATH, QSpace, read_per_bin

# Of an unrelated reference's histogram: a coffee cup no longer turns a sky orange.
UNRELATED_STRENGTH = 0.3


class _Inputs(NamedTuple):
    """A network's inputs for a picture: L (1, H, W), hints (1, 3, H, W) or None, palette (Q + 1,) or None."""

    lightness: Floats
    hints: Floats | None
    palette: Floats | None


class _Predicted(NamedTuple):
    """Colorizations (h, w, 2) of a picture, the mean confidence in the first if it is known, and what makes each."""

    colorizations: Sequence[Floats] = ()
    confidence: float | None = None
    changed: Sequence[tuple[ColoredRegion, ...]] = ((),)


_Predict: TypeAlias = Callable[[AbPredictor, _Inputs], _Predicted]


class _UsedReference(NamedTuple):
    """How a photo uses its reference, if any: its color points, or the registered colors themselves.

    share : 0..1, share of the photo with a match in the reference; 1 if its histogram is asked for
    """

    by: ReferenceBy | None = None
    matches: Sequence[Sequence[float]] = ()
    registered: RegisteredColors | None = None
    share: float = 1.0

    @property
    def unrelated(self) -> bool:
        """Return whether the reference has nothing in common with the photo, so that its histogram counts less."""
        return self.by == "histogram" and self.share <= UNRELATED


class PhotoAb(NamedTuple):
    """The colors of a photo.

    ab : (h, w, 2), small; of the reference's size if that is registered
    reference_by : how the reference was used; None without one
    share : 0..1, share of the photo with the colors of a registered reference, or with a match in another one
    confidence : 0..1, the network's at each position (`model.decode`), on average; None if it is not known
    weakened : says which hints have less chroma than asked
    candidate : makes these colors again
    """

    ab: Floats
    reference_by: ReferenceBy | None = None
    share: float = 1.0
    confidence: float | None = None
    weakened: str = ""
    candidate: Candidate | None = None

    @property
    def smoothness(self) -> float:
        """Return how smooth ab is to be upsampled (`image.resize`)."""
        return TRUE_SMOOTHNESS if self.reference_by == "registered" else SMOOTHNESS

    @property
    def note(self) -> str:
        """Say how the reference was used, and which hints have less chroma than asked; "" for neither."""
        used = f"reference: {self.reference_by}" if self.reference_by else ""
        if self.reference_by == "registered":
            used += f", {self.share:.0%} of the photo"
        elif self.reference_by == "histogram" and self.share <= UNRELATED:
            used += (
                f", with less strength, as only {self.share:.1%} of the photo has a match in it: "
                "name a picture of a similar scene, or give this one its full strength with -reference_by histogram"
            )
        return "; ".join(filter(None, (used, self.weakened)))


class PhotoColors:
    """Predicts the colors of gray pictures (H, W) uint8 or uint16, guided by `wanted`."""

    def __init__(self, predictor: AbPredictor) -> None:
        self._predictor = predictor

    def ab(self, gray: NDArray[Any], wanted: Guidance) -> PhotoAb:
        """Predict ab (h, w, 2)."""

        def one(predictor: AbPredictor, inputs: _Inputs) -> _Predicted:
            if wanted.candidate and wanted.candidate.regions:
                regions, named = wanted.candidate.regions, inputs._asdict()
                ab = as_candidate(regions, self._distributions(**named), predictor, **named)
                return _Predicted([ab])
            predicted = predictor(**inputs._asdict())
            sure = float(predicted.confidence.mean()) if predictor.distributes else None
            return _Predicted([predicted.ab[0]], sure)

        return self._all(gray, wanted, one)[0]

    def candidates(self, gray: NDArray[Any], n: int, wanted: Guidance) -> list[PhotoAb]:
        """Predict up to n plausible, visibly different ab (h, w, 2); the first is `ab`."""

        def several(predictor: AbPredictor, inputs: _Inputs) -> _Predicted:
            predicted = self._distributions(**inputs._asdict())
            found = candidates(predicted, predictor, n, **inputs._asdict())
            return _Predicted([ab for ab, _ in found], changed=[regions for _, regions in found])

        return self._all(gray, wanted, several)

    def distribution(self, gray: NDArray[Any], wanted: Guidance) -> ColorDistribution:
        """Predict the distribution of colors at each position."""
        check_gray(gray)
        check_guidance(wanted)
        used = self._used_reference(self._predictor, gray, wanted)
        inputs = self._inputs(self._predictor, gray, wanted, used)
        return self._distributions(**inputs._asdict())

    def palette_of(self, reference: NDArray[Any] | None) -> Floats | None:
        """Return the palette vector of a reference rgb (..., 3), or None without a reference."""
        return None if reference is None else self.palette_from(rgb2lab(reference)[..., 1:])

    def palette_from(self, ab: Floats) -> Floats:
        """Return the palette vector of colors ab (..., 2)."""
        return palette_vector(ab, self._qspace)

    def _all(self, gray: NDArray[Any], wanted: Guidance, predict: _Predict) -> list[PhotoAb]:
        """Predict colorizations, and join each with the colors of a registered reference."""
        check_gray(gray)
        check_guidance(wanted)
        predictor = recolored(self._predictor, wanted)
        base = _base(wanted)
        used = self._used_reference(predictor, gray, base)
        copy, weakened = used.registered, ""
        if wanted.hints:
            weakened = weakened_hints(gray, wanted.hints, saturation=predictor.saturation)
        if copy is None:
            if used.unrelated:
                predictor = dataclasses.replace(predictor, reference_strength=UNRELATED_STRENGTH)
            found = predict(predictor, self._inputs(predictor, gray, base, used))
            made = list(found.colorizations)
            kept: Sequence[int] = range(len(made))
        else:
            made, found = [copy.ab], _Predicted()
            if not copy.is_complete:
                unhinted = dataclasses.replace(base, hints=(), strokes=None)
                found = predict(predictor, self._inputs(predictor, gray, unhinted, used))
                made = [copy.joined(ab, gray) for ab in found.colorizations]
            made = _hinted(predictor, gray, base, made)
            used, kept = used._replace(share=copy.share), distinct(made)
        if wanted.candidate:
            made = _hinted(predictor, gray, wanted, made)
        by = [Candidate(regions, base.hints, base.strokes) for regions in found.changed]
        said = (used.by, used.share, found.confidence, weakened)
        return [PhotoAb(made[i], *said, candidate=by[i]) for i in kept]

    def _used_reference(
        self, predictor: AbPredictor, gray: NDArray[Any], wanted: Guidance
    ) -> _UsedReference:
        """Decide how a photo uses its reference.

        Raises ValueError for an unknown `reference_by`, and for a reference to register that is not a copy.
        """
        reference, by = wanted.reference, wanted.reference_by
        if by not in get_args(ReferenceBy):
            ways = ", ".join(get_args(ReferenceBy))
            raise ValueError(f"expected reference_by {ways}, got {by!r}")
        if reference is None or not predictor.guidance:
            return _UsedReference()
        if by in {"auto", "registered"}:
            large = wanted.reference_large
            copy = registered_colors(gray, reference if large is None else large)
            if copy:
                points = copy.points(gray.shape)
                copy = dataclasses.replace(copy, ab=copy.ab * np.float32(predictor.saturation))
                return _UsedReference("registered", points, copy)
            if by == "registered":
                raise ValueError(
                    "the reference is not a colored copy of this photo: name one, or use another -reference_by"
                )
        found = reference_correspondence(predictor, gray, wanted)
        matches, share = (matches_of(found, by), found.share) if found else ([], 1.0)
        if matches or by == "content":
            return _UsedReference("content", matches, share=share)
        if not predictor.distributes:
            raise ValueError(
                "the reference shows another scene, and this network cannot take its histogram: give a colored "
                "copy, a picture of a similar scene, or hints"
            )
        return _UsedReference("histogram", share=share)

    def _inputs(
        self, predictor: AbPredictor, gray: NDArray[Any], wanted: Guidance, used: _UsedReference
    ) -> _Inputs:
        lightness = working_lightness(gray[None], short=predictor.working_size)
        size = (gray.shape[0], gray.shape[1])
        hints = hint_planes(wanted, lightness[0], picture=size, matches=used.matches)
        by_place = used.by in {"registered", "content"}
        palette = None if by_place else self.palette_of(wanted.reference)
        return _Inputs(lightness, None if hints is None else hints[None], palette)

    @functools.cached_property
    def _distributions(self) -> DistributionPredictor:
        """Open the program that returns the distribution, on first use."""
        bins = self._predictor.bins
        weights = read_per_bin(WEIGHT_PATH, bins=len(bins), made_by="prior/getWeight.py")
        return DistributionPredictor(self._predictor.giving("distribution"), bins, weights)

    @functools.cached_property
    def _qspace(self) -> QSpace:
        """Cache the bins' tables, which take a quarter of a second, for all pictures with a reference."""
        return QSpace(self._predictor.bins)


def _base(wanted: Guidance) -> Guidance:
    """Return the guidance that a candidate was found with, in place of that which is applied to it."""
    candidate = wanted.candidate
    if candidate is None:
        return wanted
    return dataclasses.replace(
        wanted, hints=candidate.hints, strokes=candidate.strokes, candidate=None
    )


def _hinted(
    predictor: AbPredictor, gray: NDArray[Any], wanted: Guidance, colorizations: Sequence[Floats]
) -> list[Floats]:
    """Apply the user's hints, if any, to colorizations (h, w, 2) of gray that have their colors from elsewhere."""
    if not wanted.hints and wanted.strokes is None:
        return list(colorizations)
    lightness = working_lightness(gray[None], short=predictor.working_size)
    planes = hint_planes(wanted, lightness[0], picture=(gray.shape[0], gray.shape[1]))
    if planes is None:
        return list(colorizations)
    drawn = planes[None]
    if wanted.candidate:  # so that its other regions stay as they are
        own = hint_planes(_base(wanted), lightness[0], picture=(gray.shape[0], gray.shape[1]))
        drawn = drawn_over(wanted.candidate.regions, planes, own)[None]
    prediction = predictor(lightness, hints=drawn).ab[0]
    hinted = []
    for ab in colorizations:
        small = np.asarray(fitted(ab, (prediction.shape[1], prediction.shape[0])))
        changed, _ = propagate(
            small, prediction, hints=planes, lightness=lightness[0], saturation=predictor.saturation
        )
        hinted.append(ab + enlarged(changed - small, gray, ab.shape))
    return hinted


def hint_planes(
    wanted: Guidance,
    lightness: Floats,
    *,
    picture: tuple[int, int],
    matches: Sequence[Sequence[float]] = (),
) -> Floats | None:
    """Draw matches, strokes over them, and points over both: planes (3, h, w) for lightness (h, w), or None.

    picture : (H, W), size of the picture in whose pixels points and matches are given
    matches : color points of a reference, from `correspondence`
    """
    strokes = wanted.strokes
    size = (lightness.shape[0], lightness.shape[1])
    planes = point_planes(matches, size=size, picture=picture) if len(matches) else None
    if strokes is not None:
        painted = stroke_planes(strokes, size=size)
        planes = painted if planes is None else np.where(painted[2] > 0, painted, planes)
    if not wanted.hints:
        return planes
    points = [point_of(hint, picture) for hint in wanted.hints]
    return point_planes(points, size=size, picture=picture, onto=planes, lightness=lightness)


def point_of(hint: Hint, picture: tuple[int, int]) -> tuple[float, ...]:
    """Return a hint as a color point (x, y, a, b) or (x, y, a, b, radius), in pixels of a picture (H, W)."""
    radius = () if hint.radius is None else (hint.radius,)
    return (*hint.place(picture), *color2ab(hint.color), *radius)


def recolored(predictor: AbPredictor, wanted: Guidance) -> AbPredictor:
    """Return a predictor with the palette, mood and strength of a guidance, each if given.

    Raises ValueError for an invalid color, an unknown mood, or a strength outside 0..1.
    """
    if wanted.palette or wanted.mood:
        weights = log_weights(predictor.bins, palette=wanted.palette, mood=wanted.mood)
        predictor = dataclasses.replace(predictor, weights=weights)
    if wanted.strength is None:
        return predictor
    if not 0 <= wanted.strength <= 1:
        raise ValueError(f"expected guidance from 0 to 1, got {wanted.strength}")
    return dataclasses.replace(predictor, guidance=wanted.strength)
