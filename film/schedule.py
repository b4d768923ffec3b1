"""Schedules the steps of segments. Results do not depend on the order: a step computes missing inputs itself."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise, takewhile

from film.job import NONE, SegmentRecord
from film.steps import Step, is_linked, is_predicted
from film.work import Work
from runtime.workers import Wait

# Segments linked at once; linking also considers as many after them. Two blocks are on disk, at most 90 MB.
# Frames further ahead have a weight below 1/100 (see MEMORY in model/steady.py).
BLOCK = 6
SHARES = 1  # a step finishes at most 1 / SHARES of a worker's remaining share, so that all workers end together


@dataclass
class _Block:
    """Consecutive segments of a shot that are linked at once, and which of them still await prediction."""

    records: list[SegmentRecord] = field(default_factory=list)
    waiting: set[int] = field(default_factory=set)
    closed: bool = False
    linked: bool = False

    @property
    def ready(self) -> bool:
        return self.closed and not self.waiting


@dataclass
class _Chain:
    """Consecutive segments of a shot that must be linked; blocks are removed once linked."""

    blocks: deque[_Block] = field(default_factory=deque)
    previous: SegmentRecord | None = None  # the last one removed, or the one the shot returns to
    awaits: int = NONE  # the segment that ended the shot it returns to
    linking: bool = False
    ended: bool = False


def _never() -> bool:
    return False


class Schedule:
    """Yields the steps of a film's segments as soon as their inputs are ready.

    records : the film's segments in order, found lazily
    is_rendered : returns whether an earlier run finished a segment
    workers : number of workers that share the steps; 0 if unknown
    left : frames of the segments, if not the whole job's
    waits : returns whether finding the next segment may need a result of steps that are running
    """

    def __init__(
        self,
        work: Work,
        records: Iterable[SegmentRecord],
        *,
        is_rendered: Callable[[SegmentRecord], bool],
        workers: int = 0,
        left: int | None = None,
        waits: Callable[[], bool] = _never,
    ) -> None:
        self._waits = waits
        self._workers = workers
        self._left = work.last - work.first if left is None else left
        self._work, self._records, self._is_rendered = work, iter(records), is_rendered
        self._ready: deque[Step] = deque()
        self._chains: deque[_Chain] = deque()
        self._rendered: set[int] = set()  # finished segments among those in chains
        self._shot_ends: dict[int, SegmentRecord] = {}  # segments that end shots, by index
        self._linked = {NONE}  # segments whose outgoing state is known
        self._at_work = 0  # steps yielded but not yet done

    def steps(self) -> Iterator[Step | Wait]:
        """Yield each step as soon as it is ready, or `Wait` while the next one depends on a running step."""
        while True:
            if self._ready:
                self._at_work += 1
                yield self._ready.popleft()
            elif self._at_work and self._waits():
                yield Wait()
            elif record := next(self._records, None):
                self._add(record)
            elif self._at_work:
                yield Wait()
            else:
                return

    def taken(self, step: Step) -> None:
        """Record that a step is done."""
        self._at_work -= 1
        for chain in self._chains:
            for block in chain.blocks:
                if step.stage == "predict":
                    block.waiting.discard(step.records[0].index)
                elif step.stage == "link" and block.records[0] == step.records[0]:
                    chain.linking = False
                    self._finish(block)
        self._link()

    def _add(self, record: SegmentRecord) -> None:
        rendered = self._is_rendered(record)
        self._left -= record.count if rendered else 0
        if self._work.linked(record):
            self._rendered |= {record.index} if rendered else set()
            self._add_linked(record)
            return
        self._end_chain()
        if not rendered:
            self._to_be_finished([record])

    def _add_linked(self, record: SegmentRecord) -> None:
        if record.number == 0 or not self._chains or self._chains[-1].ended:
            self._end_chain()
            earlier = self._shot_ends.get(record.returns_to)
            self._chains.append(_Chain(previous=earlier, awaits=earlier.index if earlier else NONE))
        blocks = self._chains[-1].blocks
        if not blocks or blocks[-1].closed:
            blocks.append(_Block())
        block = blocks[-1]
        block.records.append(record)
        if not is_linked(self._work, record) and not is_predicted(self._work, record):
            block.waiting.add(record.index)
            self._ready.append(Step("predict", (record,)))
        if len(block.records) == BLOCK:
            self._close(block)
        if record.ends_shot:
            self._shot_ends[record.index] = record
            self._end_chain()
        self._link()

    def _end_chain(self) -> None:
        if self._chains and not self._chains[-1].ended:
            chain = self._chains[-1]
            chain.ended = True
            if chain.blocks:
                self._close(chain.blocks[-1])
            self._link()

    def _close(self, block: _Block) -> None:
        if block.closed:
            return
        block.closed = True
        if all(is_linked(self._work, record) for record in block.records):
            self._finish(block)

    def _link(self) -> None:
        """Queue the next link step of each chain if its inputs are available."""
        for chain in tuple(self._chains):
            while chain.blocks and chain.blocks[0].linked:
                chain.previous = chain.blocks.popleft().records[-1]
            if not chain.blocks:
                if chain.ended:
                    self._chains.remove(chain)
                continue
            block, *following = list(chain.blocks)[:2]
            next_is_known = following[0].ready if following else chain.ended
            entering_is_known = chain.awaits in self._linked
            if block.ready and next_is_known and entering_is_known and not chain.linking:
                chain.linking = True
                records = tuple(following[0].records) if following else ()
                self._ready.append(Step("link", tuple(block.records), chain.previous, records))

    def _finish(self, block: _Block) -> None:
        block.linked = True
        self._linked |= {record.index for record in block.records}
        left = [record for record in block.records if record.index not in self._rendered]
        while left:
            following = takewhile(lambda pair: pair[0].index + 1 == pair[1].index, pairwise(left))
            consecutive = [left[0], *(record for _, record in following)]
            self._to_be_finished(consecutive)
            left = left[len(consecutive) :]
        self._rendered -= {record.index for record in block.records}

    def _to_be_finished(self, records: Sequence[SegmentRecord]) -> None:
        """Queue steps that finish consecutive segments, several per step while enough are left for all workers."""
        while records:
            frames = SHARES * self._workers * records[0].count
            count = max(self._left // frames, 1) if frames else 1
            self._ready.append(Step("finish", tuple(records[:count])))
            self._left -= sum(record.count for record in records[:count])
            records = records[count:]
