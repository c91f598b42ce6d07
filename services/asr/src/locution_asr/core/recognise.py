"""Transcribe one window: attempts in order until one is sound, then words; speech without words is decoded again."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace

from locution_speech.asr import DecodeMode, SectionStart
from locution_speech.clock import seconds
from locution_speech.transcript import DropReason

from locution_asr.core.attempts import AttemptPlan, plan_again, plan_attempts, plan_detection, plan_second
from locution_asr.core.conclude import Recognised, concluded, joined, missing, read, second, settles, unheard, untried
from locution_asr.core.decode import DecodeRequest
from locution_asr.core.dispatch import Decoded, Decoding
from locution_asr.core.language import SectionLanguage, mean, runs, slices
from locution_asr.core.segments import SegmentRule
from locution_asr.core.windows import halves, part
from locution_asr.domain.models import Window, WindowTiming
from locution_asr.domain.ports import LoadedModel

AGAIN_SHARE = 0.5
"""The most engine time for decoding again and second hearings, as a share of the audio so far."""

ALWAYS_AGAIN = 4
"""Decodes again that are made whatever they take: the text of a short recording is the same on a busy engine."""

DEEPEST = 4
"""How often speech that was decoded again may be decoded again."""


@dataclass(slots=True)
class Again:
    """Counts decodes again and second hearings, and their engine time in seconds."""

    begun: int = 0
    ended: int = 0
    spent: float = 0.0

    def begin(self, heard: int) -> bool:
        """Tell whether audio of `heard` samples may be decoded again, and count it. What runs costs as those before."""
        expected = self.spent * max(1.0, self.begun / max(1, self.ended))
        if self.begun >= ALWAYS_AGAIN and expected >= AGAIN_SHARE * seconds(heard):
            return False
        self.begun += 1
        return True

    def end(self, elapsed: float, more: bool = False) -> None:
        """Count the engine time of one that was begun, or of `more` attempts at it."""
        self.ended += not more
        self.spent += elapsed


class RecogniseWindow:
    """Decode the windows of one section."""

    def __init__(
        self,
        dispatcher: Decoding,
        model: LoadedModel,
        start: SectionStart,
        mode: DecodeMode,
        language: SectionLanguage | None = None,
    ) -> None:
        self._dispatcher = dispatcher
        self._model = model
        self._start = start
        self._mode = mode
        self._language = language or SectionLanguage()
        self._rule = SegmentRule()
        self._again = Again()

    async def run(self, window: Window) -> Recognised:
        """Return the window's text, or only its coverage if no attempt gave sound text.

        If a window's text exceeds the decoder's limit, the window is split and its halves are transcribed. Speech that
        has no words is decoded again on its own. Where the language is to be detected and changes, each run of one
        language is decoded on its own. What the detector rejected has no attempts after an unsound one.
        """
        found = await (self._second(window) if window.doubtful else self._in_languages(window))
        return found if self._start.options.word_times else found.untimed()

    async def _in_languages(self, window: Window) -> Recognised:
        parts = slices(window) if self._detects else []
        if len(parts) < 2:
            return await self._run(window, DEEPEST)
        requests = [self._request(part(window, each.start, each.end), plan_detection(each.length)) for each in parts]
        served = await asyncio.gather(*map(self._dispatcher.submit, requests))
        heard = [each.result.heard for each in served]
        if not all(heard):
            return await self._run(window, DEEPEST)
        self._language.tell(window, mean(heard))
        found = runs(parts, heard, await self._language.prior(window), self._start.options.allowed_languages)
        windows = [(part(window, each.start, each.end), (each.language, each.probability)) for each in found]
        decoded = [await self._run(each, DEEPEST, language) for each, language in windows]
        return joined(_timing(served), decoded)

    async def _second(self, window: Window) -> Recognised:
        if not self._again.begin(window.span.end):
            return unheard(window)
        prior = await self._language.prior(window) if self._detects else None
        served: list[Decoded] = []
        for plan in plan_second(self._start.options, self._mode, len(window.pcm)):
            served.append(await self._dispatcher.submit(replace(self._request(window, plan), prior=prior)))
            if served[-1].result.reason is not None:
                break
        timing = _timing(served)
        self._again.end(timing.decode)
        return second(window, served[-1].result, timing, self._rule)

    async def _run(self, window: Window, deep: int, language: tuple[str, float] | None = None) -> Recognised:
        served: list[Decoded] = []
        prior = await self._language.prior(window) if self._detects else None
        for plan in self._plans(window, deep):
            request = replace(self._request(window, plan), prior=prior, language=language)
            served.append(await self._dispatcher.submit(request))
            self._account(window, served, deep)
            if settles(window, served[-1].result) or (deep < DEEPEST and _improbable(served[-1])):
                break
            if served[-1].result.reason is DropReason.TOO_MANY_TOKENS and plan.whole and (parts := halves(window)):
                return joined(_timing(served), [await self._run(each, deep, language) for each in parts])
        reading = read(window, [each.result for each in served])
        again = [await self._decode_again(each, deep) for each in missing(reading)]
        return concluded(reading, again, _timing(served), self._rule)

    @property
    def _detects(self) -> bool:
        return self._start.options.language is None and self._model.recogniser.capabilities.language_detection

    def _plans(self, window: Window, deep: int) -> Sequence[AttemptPlan]:
        options, heard = self._start.options, len(window.pcm)
        return plan_attempts(options, self._mode, heard) if deep == DEEPEST else plan_again(options, self._mode, heard)

    def _account(self, window: Window, served: Sequence[Decoded], deep: int) -> None:
        self._language.tell(window, served[0].result.heard)
        if deep < DEEPEST:
            self._again.end(served[-1].result.elapsed, more=len(served) > 1)

    async def _decode_again(self, window: Window, deep: int) -> Recognised:
        """Decode speech that has no words on its own, as far as the engine time allows."""
        if not deep:
            return untried(window, DropReason.NO_TEXT)
        if not self._again.begin(window.span.end):
            return untried(window, DropReason.BUDGET_SPENT)
        return await self._run(window, deep - 1)

    def _request(self, window: Window, plan: AttemptPlan) -> DecodeRequest:
        return DecodeRequest(
            pcm=window.pcm,
            recogniser=self._model.recogniser,
            batch_size=self._model.batch_size,
            options=self._start.options,
            plan=plan,
            flow=self._start.flow,
        )


def _improbable(served: Decoded) -> bool:
    """Tell whether the model takes the audio for no speech."""
    return served.result.reason is DropReason.IMPROBABLE_SPEECH


def _timing(served: Sequence[Decoded]) -> WindowTiming:
    return WindowTiming(
        queue_wait=sum(item.waited for item in served),
        decode=sum(item.result.elapsed for item in served),
        batch_size=served[-1].result.batch_size,
        attempts=len(served),
    )
