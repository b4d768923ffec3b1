"""Which step of which segment may be taken next. Results do not depend on it: each step does what it lacks itself."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise, takewhile

from film.job import NONE, SegmentRecord
from film.steps import Step, is_linked, is_predicted
from film.work import Work
from runtime.workers import Wait

# Segments that are linked at once, and as many after them are taken into account: two blocks are on the disk, 90 MB
# at most. What lies further ahead counts for less than 1/100 (see MEMORY in model/steady.py).
BLOCK = 6
SHARES = 2  # a step finishes at most this part of what a worker has still to do: all end at about the same time


@dataclass
class _Block:
    """Consecutive segments of a shot that are linked at once, and those of them that are being predicted."""

    records: list[SegmentRecord] = field(default_factory=list)
    waiting: set[int] = field(default_factory=set)
    closed: bool = False
    linked: bool = False

    @property
    def ready(self) -> bool:
        return self.closed and not self.waiting


@dataclass
class _Chain:
    """Consecutive linked segments of a shot; blocks that are linked leave it."""

    blocks: deque[_Block] = field(default_factory=deque)
    previous: SegmentRecord | None = None  # the last one that left, or that the shot returns to
    awaits: int = NONE  # the segment that ended the shot it returns to
    linking: bool = False
    ended: bool = False


class Schedule:
    """Steps of a film's segments, each as soon as it may be taken.

    records : the film's segments in order, found while they are asked for
    is_rendered : tells whether an earlier run has finished one
    workers : that share the steps; 0 for an unknown number
    """

    def __init__(
        self,
        work: Work,
        records: Iterable[SegmentRecord],
        *,
        is_rendered: Callable[[SegmentRecord], bool],
        workers: int = 0,
    ) -> None:
        self._workers, self._left = workers, work.last - work.first
        self._work, self._records, self._is_rendered = work, iter(records), is_rendered
        self._ready: deque[Step] = deque()
        self._chains: deque[_Chain] = deque()
        self._rendered: set[int] = set()  # of the segments in chains
        self._shot_ends: dict[int, SegmentRecord] = {}  # of the segments that end shots, by index
        self._linked = {NONE}  # segments of which it is known what leaves them
        self._at_work = 0  # steps that have been yielded and not yet taken

    def steps(self) -> Iterator[Step | Wait]:
        """Yield each step as soon as it may be taken, `Wait` while that depends on one that is being taken."""
        while True:
            if self._ready:
                self._at_work += 1
                yield self._ready.popleft()
            elif record := next(self._records, None):
                self._add(record)
            elif self._at_work:
                yield Wait()
            else:
                return

    def taken(self, step: Step) -> None:
        """Note that a step has been taken."""
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
        """Make the next link of each chain a step, if what it needs is there."""
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
        """Make consecutive segments steps: of several, while so many are left that all workers get enough of them."""
        while records:
            frames = SHARES * self._workers * records[0].count
            count = max(self._left // frames, 1) if frames else 1
            self._ready.append(Step("finish", tuple(records[:count])))
            self._left -= sum(record.count for record in records[:count])
            records = records[count:]
