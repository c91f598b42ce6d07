"""Mix channels into one so that none cancels another and a dead one costs no level; imports PyAV and the clock."""

from __future__ import annotations

import itertools
import math
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, cast

import av
from av.filter import Graph
from locution_speech.clock import SAMPLE_RATE, SAMPLE_WIDTH

Weights = tuple[float, ...]

FORMAT: Final = "flt"
WINDOW: Final = SAMPLE_RATE
LIVE_WINDOW: Final = SAMPLE_RATE // 10
"""The shortest window that is judged."""

_RAMP: Final = SAMPLE_RATE // 50
_STRIDE: Final = 7
_PEAK: Final = 1 << 15
_MAX_GRAPHS: Final = 8

# Amplitudes relative to the loudest channel, so 0.5 is 6 dB below it. The two of a pair are a hysteresis.
_CANCELS, _ADDS_UP = 0.5, 0.7
_DIES, _REVIVES = 0.005, 0.02
_AS_LOUD: Final = 0.1
_FLOOR: Final = 10 ** (-80 / 20)
_HALVED_AFTER: Final = 60 * SAMPLE_RATE

# ITU-R BS.775, table 2. Layouts without these names are mixed by the mean.
_OF_SPEAKER: Final = {"FC": 1.0, "FL": 0.5**0.5, "FR": 0.5**0.5, "LFE": 0.0, "LFE2": 0.0}
_OF_OTHERS: Final = 0.5


@dataclass(slots=True)
class Cancelled:
    """Windows whose channels cancelled each other: the first sample, how many, and their loudest amplitude."""

    first: int = 0
    count: int = 0
    loudest: float = 0.0


class Mixer:
    """Mixes windows of one layout, packed floats at 16 kHz, into s16le.

    The weighted mean of the channels that are not dead is the mix. Where that is 6 dB below the loudest of its own
    terms, they cancel each other; their sound is then in each of them, and the loudest alone is taken. Each window is
    decided by itself, because it is decided before it is output: hysteresis keeps what is near the limits, and a ramp
    of 20 ms joins windows that differ. A dead channel has been 46 dB below the loudest for long.
    """

    def __init__(self, layout: av.AudioLayout) -> None:
        self._layout = layout.name
        self._base = _base(layout)
        self._held = [0.0] * len(self._base)
        self._dead = [False] * len(self._base)
        self._used: Weights | None = None
        self._alone: int | None = None
        self._graphs: dict[Weights, Graph] = {}
        self._taken = 0
        self._loudest = 0.0
        self._cancelled = Cancelled()

    def mix(self, window: av.AudioFrame) -> bytes:
        """Mix one window."""
        levels = _levels(window, len(self._base))
        self._hold(levels, window.samples)
        weights = self._mean()
        mixed = self._apply(weights, window)
        if window.samples >= LIVE_WINDOW:
            self._judge([weight * level for weight, level in zip(weights, levels, strict=True)], levels, level(mixed))
        if self._alone is not None:
            weights = tuple(float(channel == self._alone) for channel in range(len(weights)))
            mixed = self._apply(weights, window)
        if self._used is not None and self._used != weights:
            mixed = _joined(self._apply(self._used, window), mixed)
        self._used = weights
        self._taken += window.samples
        return mixed

    @property
    def cancelled(self) -> Cancelled | None:
        """Return where channels cancelled each other, unless only what is quiet did, such as hum in pauses."""
        found = self._cancelled
        return found if found.count and found.loudest >= self._loudest * _AS_LOUD else None

    def _hold(self, levels: Sequence[float], samples: int) -> None:
        """Follow the level of each channel, and tell by it which are dead."""
        decay = 0.5 ** (samples / _HALVED_AFTER)
        self._held = [max(level, held * decay) for level, held in zip(levels, self._held, strict=True)]
        loudest = max(self._held)
        self._dead = [
            held < loudest * (_REVIVES if dead else _DIES) for held, dead in zip(self._held, self._dead, strict=True)
        ]

    def _mean(self) -> Weights:
        """Return the weights of the mix, whose sum is 1 so that nothing clips."""
        living = [0.0 if dead else weight for weight, dead in zip(self._base, self._dead, strict=True)]
        if not any(living):
            living = [float(not dead) for dead in self._dead]
        return tuple(weight / sum(living) for weight in living)

    def _judge(self, terms: Sequence[float], levels: Sequence[float], mixed: float) -> None:
        """Decide whether one channel is taken alone."""
        loudest = max(terms)
        self._loudest = max(self._loudest, *levels)
        if not loudest > _FLOOR:
            return
        if mixed > loudest * _ADDS_UP:
            self._alone = None
        elif mixed < loudest * _CANCELS:
            self._count(max(levels))
            if self._alone is None or terms[self._alone] < loudest * _CANCELS:
                self._alone = terms.index(loudest)

    def _count(self, level: float) -> None:
        found = self._cancelled
        if not found.count:
            found.first = self._taken
        found.count += 1
        found.loudest = max(found.loudest, level)

    def _apply(self, weights: Weights, window: av.AudioFrame) -> bytes:
        graph = self._graphs.get(weights)
        if graph is None:
            if len(self._graphs) == _MAX_GRAPHS:
                self._graphs.clear()
            graph = self._graphs[weights] = _graph(weights, self._layout)
        window.pts = None
        graph.push(window)
        mixed = cast("av.AudioFrame", graph.pull())
        return bytes(mixed.planes[0])[: mixed.samples * SAMPLE_WIDTH]


def _base(layout: av.AudioLayout) -> Weights:
    names = [channel.name for channel in layout.channels]
    if not {"FL", "FR"} <= set(names):
        return (1.0,) * layout.nb_channels
    return tuple(_OF_SPEAKER.get(name, _OF_OTHERS) for name in names)


def chain(steps: dict[str, dict[str, str]]) -> Graph:
    """Connect filters, by name with their options, from an abuffer to an abuffersink, on one thread."""
    graph = Graph()
    graph.threads = 1
    filters = [graph.add(name, **options) for name, options in {**steps, "abuffersink": {}}.items()]
    for before, after in itertools.pairwise(filters):
        before.link_to(after)
    graph.configure()
    return graph


def source(rate: int, sample_format: str, layout: str) -> dict[str, str]:
    """Return the options of an abuffer."""
    return {
        "sample_rate": str(rate),
        "sample_fmt": sample_format,
        "channel_layout": layout,
        "time_base": f"1/{rate}",
    }


def _graph(weights: Weights, layout: str) -> Graph:
    terms = "+".join(f"{weight:.9f}*c{channel}" for channel, weight in enumerate(weights) if weight)
    return chain(
        {
            "abuffer": source(SAMPLE_RATE, FORMAT, layout),
            "pan": {"args": f"mono|c0={terms}"},
            "aresample": {"out_sample_fmt": "s16"},
        }
    )


def _levels(window: av.AudioFrame, channels: int) -> list[float]:
    """Return each channel's level as the root of the mean square of some of its samples, or 0 for none."""
    samples = memoryview(window.planes[0]).cast("B")[: window.samples * channels * 4].cast("f")
    step = channels * _STRIDE * max(1, channels // 8)
    return [_root_mean_square(samples[channel::step]) for channel in range(channels)]


def level(pcm: bytes) -> float:
    """Return the amplitude of s16le as the root of the mean square of some of its samples, 1 for full scale."""
    return _root_mean_square(memoryview(pcm).cast("h")[::_STRIDE]) / _PEAK


def _root_mean_square(samples: memoryview[float] | memoryview[int]) -> float:
    level = math.hypot(*samples) / math.sqrt(max(1, len(samples)))
    return level if math.isfinite(level) else 0.0


def _joined(before: bytes, after: bytes) -> bytes:
    """Go from one mix of a window to another within its first 20 ms."""
    count = min(_RAMP, len(after) // SAMPLE_WIDTH)
    pairs = zip(struct.unpack_from(f"<{count}h", before), struct.unpack_from(f"<{count}h", after), strict=True)
    ramp = [old + (new - old) * (at + 1) // count for at, (old, new) in enumerate(pairs)]
    return struct.pack(f"<{count}h", *ramp) + after[count * SAMPLE_WIDTH :]
