"""Which language is spoken where in a window: each slice is detected on its own, and its neighbours weigh in."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
from locution_speech.clock import Span, samples

from locution_asr.core.decode import restrict
from locution_asr.core.windows import position, quietest
from locution_asr.domain.models import Window

LONGEST_SLICE = samples(6.0)
SHORTEST_SLICE = samples(2.5)
"""Audio whose language is detected together. Shorter audio has too few words, longer audio may hold two languages."""

CHANGE = 2.0
"""What a change of language costs, as a logarithm: one clear slice in another language outweighs two changes."""

LEAST_PROBABILITY = 1e-3
LEAST_PRIOR = 0.05


@dataclass(frozen=True, slots=True)
class Run(Span):
    """Samples of a window in one language, with the mean probability of its slices."""

    language: str
    probability: float


@dataclass(slots=True)
class SectionLanguage:
    """Shares the language of a section's first window with the others."""

    heard: asyncio.Future[Mapping[str, float]] = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )

    async def prior(self, window: Window) -> Mapping[str, float] | None:
        """Return the first window's language. The first window itself has none, unless it continues another stream."""
        return None if window.index == 0 and not self.heard.done() else await asyncio.shield(self.heard)

    def tell(self, window: Window, heard: Mapping[str, float]) -> None:
        """Store the first window's language."""
        if window.index == 0 and not self.heard.done():
            self.heard.set_result(heard)


def slices(window: Window) -> list[Span]:
    """Cut a window into slices at its pauses, and long speech at quiet places; the slices cover the window."""
    bounds = [0, *_cuts(window), len(window.pcm)]
    found: list[Span] = []
    for start, end in pairwise(bounds):
        if found and (min(found[-1].length, end - start) < SHORTEST_SLICE) and end - found[-1].start <= LONGEST_SLICE:
            found[-1] = Span(found[-1].start, end)
        elif end > start:
            found.append(Span(start, end))
    if len(found) > 1 and found[-1].length < SHORTEST_SLICE:
        last = found.pop()
        found[-1] = Span(found[-1].start, last.end)
    return found


def mean(heard: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Return the mean of several probabilities of languages."""
    return {code: sum(each.get(code, 0.0) for each in heard) / len(heard) for code in heard[0]} if heard else {}


def runs(
    parts: Sequence[Span],
    heard: Sequence[Mapping[str, float]],
    prior: Mapping[str, float] | None,
    allowed: Sequence[str],
) -> list[Run]:
    """Return the most probable sequence of languages over slices, as runs of one language each (Viterbi 1967)."""
    likely = [restrict(each, allowed) for each in heard]
    chosen = _path(likely, None if prior is None else restrict(prior, allowed))
    found: list[Run] = []
    at = 0
    while at < len(parts):
        end = at + 1
        while end < len(parts) and chosen[end] == chosen[at]:
            end += 1
        probability = sum(each[chosen[at]] for each in likely[at:end]) / (end - at)
        found.append(Run(parts[at].start, parts[end - 1].end, chosen[at], probability))
        at = end
    return found


def _path(likely: Sequence[Mapping[str, float]], prior: Mapping[str, float] | None) -> list[str]:
    codes = list(likely[0])
    costs = np.array([[-math.log(max(each[code], LEAST_PROBABILITY)) for code in codes] for each in likely])
    if prior is not None:
        costs[0] -= [math.log(max(prior.get(code, 0.0), LEAST_PRIOR)) for code in codes]
    total, came = costs[0], []
    for row in costs[1:]:
        best = int(np.argmin(total))
        stays = total <= total[best] + CHANGE
        came.append(np.where(stays, np.arange(len(codes)), best))
        total = np.where(stays, total, total[best] + CHANGE) + row
    state = int(np.argmin(total))
    path = [state]
    for back in reversed(came):
        state = int(back[state])
        path.append(state)
    return [codes[each] for each in reversed(path)]


def _cuts(window: Window) -> Iterator[int]:
    """Yield the middle of every pause, and quiet places in utterances that are longer than a slice."""
    speech = window.utterances
    for index, utterance in enumerate(speech):
        start, end = position(window, utterance.start), position(window, utterance.end)
        if index:
            yield (position(window, speech[index - 1].end) + start) // 2
        count = -(-(end - start) // LONGEST_SLICE)
        for number in range(1, count):
            middle = start + (end - start) * number // count
            yield quietest(window.pcm, middle - SHORTEST_SLICE // 2, middle + SHORTEST_SLICE // 2)
