"""What is read of a segment's encoded file."""

from dataclasses import dataclass
from pathlib import Path

from film.ffmpeg import film_stream, open_film


@dataclass(frozen=True)
class Rendered:
    """What is read of a rendered file.

    comments : the metadata values in its header
    setup : the decoder configuration (H.264's parameter sets)
    modified_ns : modification time, nanoseconds since 1970
    ranks : each packet's position in presentation order, packets in decode order
    """

    path: Path
    comments: frozenset[str]
    setup: bytes | None
    modified_ns: int
    ranks: tuple[int, ...]

    @property
    def frames(self) -> int:
        """Number of frames."""
        return len(self.ranks)


def read_rendered(path: Path) -> Rendered:
    """Read a rendered file's header and the order of its packets."""
    with open_film(path, decoding=False) as container:
        stream = film_stream(container)
        packets = container.demux(stream) if stream else iter(())
        # Only the order matters: a segment is encoded at a constant rate, so its times are not the film's.
        times = [packet.pts for packet in packets if packet.size and packet.pts is not None]
        setup = stream.codec_context.extradata if stream else None
        comments = frozenset(container.metadata.values())
    order = sorted(range(len(times)), key=lambda index: times[index])
    ranks = {index: rank for rank, index in enumerate(order)}
    places = tuple(ranks[index] for index in range(len(times)))
    return Rendered(path, comments, setup, path.stat().st_mtime_ns, places)
