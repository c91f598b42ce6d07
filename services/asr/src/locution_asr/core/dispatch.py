"""The dispatcher's items, and the capacity reserved for live windows."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from locution_speech.engine.dispatch import Dispatcher, Load, Served
from locution_speech.engine.models import TrafficClass
from locution_speech.engine.queue import UNLIMITED, Room

from locution_asr.core.decode import Attempt, DecodeRequest
from locution_asr.domain.models import WINDOW_SECONDS

Decoding = Dispatcher[DecodeRequest, Attempt]
Decoded = Served[Attempt]

LIVE_MEMORY = 3.0
"""Seconds after a live window in which another one is expected."""

LONGEST_WAIT = 0.5
"""Seconds that a batch of files may delay a live window."""


@dataclass(slots=True)
class KeepRoomForLive:
    """While live windows arrive, keep one slot free of files; if there is only one slot, keep its file batches short.

    While live streams are open but send no windows, files may use every slot, with short batches. With `even`, no
    batch takes more than its slot's share of what waits: where a batch takes as long as its windows one by one, a slot
    would otherwise idle while the last batch runs.
    """

    even: bool = False
    live_until: float = float("-inf")
    streams: int = 0

    @contextmanager
    def stream(self) -> Iterator[None]:
        """Count a live stream while it is open."""
        self.streams += 1
        try:
            yield
        finally:
            self.streams -= 1

    def note(self, traffic: TrafficClass, now: float) -> None:
        """Record the arrival of a live window."""
        if traffic is TrafficClass.LIVE:
            self.live_until = now + LIVE_MEMORY

    def room(self, load: Load) -> Room:
        """Limit batches of files while live windows arrive or may arrive at any moment, and every batch if `even`."""
        room = self._beside_live(load)
        return replace(room, cost=load.cost / load.slots) if self.even else room

    def again(self) -> float:
        """Return when files get all slots again, unless another live window arrives."""
        return self.live_until

    def _beside_live(self, load: Load) -> Room:
        if load.now >= self.live_until:
            return _short(load) if self.streams else UNLIMITED
        if load.slots > 1:
            return Room(files=0) if load.files >= load.slots - 1 else UNLIMITED
        return _short(load)


def _short(load: Load) -> Room:
    return Room(files=max(1, int(LONGEST_WAIT / (load.pace * WINDOW_SECONDS))))
