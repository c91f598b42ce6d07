"""Order the windows of all streams: one queue, fair between flows, urgent first, batched by shape.

Fairness is start-time fair queueing (Goyal et al. 1996) with audio seconds as the cost: each flow has a virtual clock
that advances by cost over share as it is served, and the flow whose clock is furthest behind goes next.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterator
from dataclasses import dataclass, field
from typing import Final, Generic, Protocol, TypeVar

from .models import Flow, FlowKey, TrafficClass


class Item(Protocol):
    """An item of the queue. Items of equal `shape` share batches of at most `batch_size`; `cost` is in seconds."""

    @property
    def flow(self) -> Flow: ...
    @property
    def cost(self) -> float: ...
    @property
    def shape(self) -> Hashable: ...
    @property
    def batch_size(self) -> int: ...


I = TypeVar("I", bound=Item)  # noqa: E741 - the one item type of this module


@dataclass(frozen=True, slots=True)
class Room:
    """Limits a batch: its items by class (None means no limit, 0 holds the class back) and its cost.

    The first item of a batch may cost more.
    """

    live: int | None = None
    files: int | None = None
    cost: float = math.inf

    def of(self, traffic: TrafficClass) -> float:
        """Return the most items of a class in a batch."""
        most = self.live if traffic is TrafficClass.LIVE else self.files
        return math.inf if most is None else most


UNLIMITED: Final = Room()


@dataclass(slots=True)
class _Flow(Generic[I]):
    clock: float
    waiting: dict[I, None] = field(default_factory=dict)


class WindowQueue(Generic[I]):
    """Holds waiting windows and returns them in batches. Not thread-safe: one event loop owns it."""

    def __init__(self, *, urgency: float = 2.0, mix_classes: bool = False) -> None:
        self._urgency = urgency
        self._mix_classes = mix_classes
        self._flows: dict[tuple[TrafficClass, FlowKey], _Flow[I]] = {}
        self._clock = dict.fromkeys(TrafficClass, 0.0)
        self._cost = 0.0

    def __len__(self) -> int:
        return sum(len(flow.waiting) for flow in self._flows.values())

    @property
    def cost(self) -> float:
        """Return the seconds of audio that wait; exactly 0 when nothing waits, despite rounding errors."""
        return self._cost if len(self) else 0.0

    @property
    def flows(self) -> int:
        """Return the number of known flows."""
        return len(self._flows)

    def push(self, item: I) -> None:
        """Add an item after the others of its flow."""
        key = (item.flow.traffic, item.flow.key)
        flow = self._flows.setdefault(key, _Flow(self._clock[item.flow.traffic]))
        flow.waiting[item] = None
        self._cost += item.cost

    def remove(self, item: I) -> bool:
        """Remove an item; return whether it was waiting."""
        flow = self._flows.get((item.flow.traffic, item.flow.key))
        if flow is None or item not in flow.waiting:
            return False
        self._drop(item)
        return True

    def take(self, now: float, room: Room = UNLIMITED) -> list[I]:
        """Remove and return the next batch: the most urgent item, and others of its shape as far as it allows.

        A class without room is skipped. The class of the first item taken limits the batch.
        """
        batch: list[I] = []
        cost = 0.0
        while not batch or len(batch) < min(room.of(batch[0].flow.traffic), batch[0].batch_size):
            item = self._next(now, batch[0] if batch else None, room)
            if item is None or (batch and cost + item.cost > room.cost):
                break
            self._serve(item)
            batch.append(item)
            cost += item.cost
        return batch

    def _next(self, now: float, first: I | None, room: Room) -> I | None:
        flows = ((key, flow) for key, flow in self._flows.items() if room.of(key[0]))
        candidates = (item for key, flow in flows for item in self._heads(key[0], flow, first))
        return min(candidates, key=lambda item: self._rank(item, now), default=None)

    def _heads(self, traffic: TrafficClass, flow: _Flow[I], first: I | None) -> Iterator[I]:
        """Yield the oldest item of a flow that may join the batch, and the one with the earliest deadline."""
        if first is not None and traffic is not first.flow.traffic and not self._mix_classes:
            return
        fitting = [item for item in flow.waiting if first is None or item.shape == first.shape]
        if fitting:
            yield fitting[0]
            yield min(fitting, key=_deadline)

    def _rank(self, item: I, now: float) -> tuple[int, bool, float, float]:
        """Order by class and urgency, then by deadline if urgent, else by virtual clock; ties go to the lowest cost."""
        urgent = _deadline(item) - now < self._urgency
        turn = _deadline(item) if urgent else self._flow(item).clock
        return (item.flow.traffic.value, not urgent, turn, item.cost)

    def _serve(self, item: I) -> None:
        flow = self._flow(item)
        self._clock[item.flow.traffic] = max(self._clock[item.flow.traffic], flow.clock)
        flow.clock += item.cost / item.flow.share
        self._drop(item)

    def _drop(self, item: I) -> None:
        del self._flow(item).waiting[item]
        self._cost -= item.cost
        if not self._flow(item).waiting:
            self._forget_idle(item.flow.traffic)

    def _forget_idle(self, traffic: TrafficClass) -> None:
        """Drop flows without items whose clock is not ahead; all flows when nothing waits."""
        flows = {key: flow for key, flow in self._flows.items() if key[0] is traffic}
        if not any(flow.waiting for flow in flows.values()):
            self._clock[traffic] = max(flow.clock for flow in flows.values())
        for key, flow in flows.items():
            if not flow.waiting and flow.clock <= self._clock[traffic]:
                del self._flows[key]

    def _flow(self, item: I) -> _Flow[I]:
        return self._flows[(item.flow.traffic, item.flow.key)]


def _deadline(item: Item) -> float:
    return item.flow.deadline if item.flow.deadline is not None else float("inf")
