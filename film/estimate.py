"""Estimates what colorizing a film takes: time, from measured speeds, and disk, from sizes of smooth and of grainy films."""

from dataclasses import dataclass

from color.segment import NetworkTime
from film.chroma import Encoding
from runtime.progress import spoken_time

# Seconds of one core for a frame, and for a million of its pixels besides encoding: fitted to the speeds of docs/figures.md
# with H.264 (480 and 1080 lines, two cores).
FRAME_S, MEGAPIXEL_S = 0.02, 0.03
# Seconds of one core for encoding a million pixels, in the ratios measured on 4 s of a film at 480 lines.
ENCODER_S = {"h264": 0.05, "h265": 0.08, "av1": 0.025, "ffv1": 0.01, "prores": 0.05}
HARDWARE_S = 0.01
COLOR_BYTES = 48 * 64 * 2 * 2  # of a frame's ab in float16, at the released working size and 4:3
# Bits per pixel of the same film, clean and with strong grain added, at each codec's default quality.
BITS = {
    "h264": (0.1, 1.2),
    "h265": (0.05, 0.5),
    "av1": (0.03, 0.2),
    "ffv1": (2.5, 6.5),
    "prores": (3.0, 6.5),
}


@dataclass(frozen=True)
class Estimate:
    """What a film's job takes.

    seconds : on the given cores
    colors : bytes of the colors that a job keeps until its film is joined
    smallest, largest : bytes of the result, for a smooth and a grainy film
    network : the measured time of another network than the released one, which is included
    """

    seconds: float
    smallest: int
    largest: int
    colors: int
    network: NetworkTime | None = None

    def __str__(self) -> str:
        time, unit = spoken_time(self.seconds), 1e9 if self.largest >= 1e9 else 1e6
        sizes = f"{self.smallest / unit:.1f} to {self.largest / unit:.1f} {'GB' if unit == 1e9 else 'MB'}"
        colors = f"{self.colors / unit:.1f} {'GB' if unit == 1e9 else 'MB'}"
        return (
            f"about {time}{self._by}; result {sizes}, "
            f"and for the job while it runs as much again and {colors}"
        )

    @property
    def _by(self) -> str:
        """Say how the network's time became the film's."""
        if self.network is None:
            return ""
        every = self.network.every
        which = "every frame" if every == 1 else f"one frame of {every}"
        return f" ({self.network.frame_s:.2g} s of one core for each frame that the network colorizes, {which})"


def estimate(
    encoding: Encoding, frames: int, *, codec: str, cores: int, network: NetworkTime | None = None
) -> Estimate:
    """Estimate the job of a film that is encoded at default quality on CPUs, start-up and sound not included."""
    megapixels = encoding.width * encoding.height / 1e6
    encoder_s = ENCODER_S.get(codec, HARDWARE_S)
    network_s = network.frame_s / network.every if network else 0.0
    seconds = frames * (FRAME_S + network_s + megapixels * (MEGAPIXEL_S + encoder_s)) / cores
    low, high = BITS.get(codec, BITS["h264"])
    # Lossless sizes grow with the bits per sample.
    deeper = encoding.depth / 8 if codec == "ffv1" else 1.0
    smallest, largest = (
        round(frames * megapixels * 1e6 / 8 * bits * deeper) for bits in (low, high)
    )
    return Estimate(seconds, smallest, largest, frames * COLOR_BYTES, network)
