"""Change the sample rate of a stream, by a windowed sinc; for the rates that the server does not take."""

from __future__ import annotations

import math
from collections.abc import Iterable
from functools import cache
from operator import mul
from typing import Final

ZEROS: Final = 16
"""Zero crossings of the sinc on each side of its centre."""

PASSED: Final = 0.92
"""The cutoff relative to half the lower of the two rates."""

MOST_PHASES: Final = 512
"""Positions between two samples that are told apart; -54 dB for rates that have no smaller common grid."""


class Resampler:
    """Turns samples at one rate into samples at another, in step with their times: sample 0 stays at 0 s."""

    def __init__(self, rate: int, wanted: int) -> None:
        common = math.gcd(rate, wanted)
        self._up, self._down = wanted // common, rate // common
        self._phases = min(self._up, MOST_PHASES)
        self._cutoff = PASSED * min(1.0, wanted / rate)
        self._reach = math.ceil(ZEROS / min(1.0, wanted / rate))
        self._held = [0.0] * self._reach
        self._first = -self._reach
        self._next = 0
        self._taken = 0
        self._kernel = cache(self._shape)

    def feed(self, samples: Iterable[float]) -> list[float]:
        """Take samples, and return those that are complete."""
        before = len(self._held)
        self._held.extend(samples)
        self._taken += len(self._held) - before
        return self._ready(self._first + len(self._held))

    def end(self) -> list[float]:
        """Return the rest, as if silence followed."""
        wanted = -(-self._taken * self._up // self._down)
        self._held.extend([0.0] * (2 * self._reach + 1))
        return self._ready(self._first + len(self._held), wanted)

    def _ready(self, end: int, wanted: int | None = None) -> list[float]:
        done: list[float] = []
        while wanted is None or self._next < wanted:
            at, part = divmod(self._next * self._down, self._up)
            if at + self._reach + 1 > end:
                break
            start = at - self._reach - self._first
            kernel = self._kernel(part * self._phases // self._up)
            done.append(sum(map(mul, kernel, self._held[start : start + len(kernel)])))
            self._next += 1
        self._forget()
        return done

    def _forget(self) -> None:
        """Drop the samples that no later one needs."""
        needless = self._next * self._down // self._up - self._reach - self._first
        if needless > 0:
            del self._held[:needless]
            self._first += needless

    def _shape(self, phase: int) -> tuple[float, ...]:
        """Return the weights of the samples around a position between two, whose sum is 1 (a Blackman window)."""
        between = phase / self._phases
        weights = []
        for offset in range(-self._reach, self._reach + 1):
            x = offset - between
            turn = math.pi * x / (self._reach + 1)
            window = 0.42 + 0.5 * math.cos(turn) + 0.08 * math.cos(2 * turn)
            weights.append(_sinc(self._cutoff * x) * window)
        total = sum(weights)
        return tuple(weight / total for weight in weights)


def _sinc(x: float) -> float:
    return math.sin(math.pi * x) / (math.pi * x) if x else 1.0
