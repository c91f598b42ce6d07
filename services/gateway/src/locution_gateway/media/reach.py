"""How far the packets of all tracks reach; standard library only."""

from __future__ import annotations

from typing import Any, Final

_STRAY: Final = 10.0


class Reach:
    """Follows the ends of packets, in seconds from `origin`.

    `furthest` believes every timestamp; `steady` none that is more than ten seconds ahead of all others.
    """

    def __init__(self, origin: float) -> None:
        self._origin = origin
        self.furthest = self.steady = 0.0
        self.of: dict[int, float] = {}

    def see(self, packet: Any) -> None:
        """Take a packet's time."""
        stamp = packet.dts if packet.pts is None else packet.pts
        if stamp is None or not packet.time_base:
            return
        end = float((stamp + (packet.duration or 0)) * packet.time_base) - self._origin
        self.of[packet.stream_index] = max(self.of.get(packet.stream_index, 0.0), end)
        self.furthest = max(self.furthest, end)
        if end <= self.steady + _STRAY:
            self.steady = max(self.steady, end)
