"""Decode open speech repeatedly, and confirm the words on which two consecutive interim decodes agree.

The audio of an interim decode is trimmed to what is not confirmed, with the confirmed text as its prompt. Its encoder
input is cut to its length.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace

from locution_speech.asr import ListenPartial, Options, SectionStart
from locution_speech.clock import Span, samples, seconds
from locution_speech.transcript import Word, text_of

from locution_asr.core.agreement import Agreement
from locution_asr.core.attempts import AttemptPlan, bucket, token_limit
from locution_asr.core.decode import DecodeRequest
from locution_asr.core.dispatch import Decoding
from locution_asr.core.endpointer import Ending, Utterance
from locution_asr.core.guards import Guard
from locution_asr.core.segments import placed_words
from locution_asr.core.windows import PcmBuffer
from locution_asr.domain.models import Pcm, Piece, Window
from locution_asr.domain.ports import LoadedModel, Search

LONGEST_INTERIM = samples(8.0)
KEPT_WORDS = 3
SHORTEST_INTERIM = samples(0.4)
PROMPT_CHARACTERS = 200


class InterimDecoder:
    """Decode audio for interim text, ahead of all other work."""

    def __init__(self, dispatcher: Decoding, model: LoadedModel, start: SectionStart, step: int) -> None:
        self._dispatcher = dispatcher
        self._model = model
        self.start = start
        self._step = seconds(step)

    async def words(self, pcm: Pcm, first: int, before: str) -> tuple[Word, ...] | None:
        """Return the words of audio that begins at sample `first`, after the text `before`; None if unsound."""
        served = await self._dispatcher.submit(self._request(pcm, before))
        attempt = served.result
        if attempt.reason is not None:
            return None
        whole = Span(first, first + len(pcm))
        return placed_words(Window(0, pcm, (Piece(0, whole, (whole,)),)), attempt.words)

    def _request(self, pcm: Pcm, before: str) -> DecodeRequest:
        options = self.start.options
        prompt = f"{options.prompt} {before[-PROMPT_CHARACTERS:]}".strip()
        return DecodeRequest(
            pcm=pcm,
            recogniser=self._model.recogniser,
            batch_size=self._model.batch_size,
            options=replace(options, prompt=prompt, word_times=True),
            plan=plan_interim(options, len(pcm)),
            flow=replace(self.start.flow, deadline=asyncio.get_running_loop().time() + self._step),
            prior=None,
        )


def plan_interim(options: Options, heard: int) -> AttemptPlan:
    """Return the plan of an interim decode: greedy, its encoder input cut to the audio."""
    search = Search(beam_size=1, max_tokens=token_limit(options, heard))
    return AttemptPlan(bucket(heard, options.shortest_input), search, Guard())


class InterimDecode:
    """The interim text of one window."""

    def __init__(self, decoder: InterimDecoder, buffer: PcmBuffer) -> None:
        self._decoder = decoder
        self._buffer = buffer
        self._agreement = Agreement()
        self._from: int | None = None
        self._decoded_to = 0

    @property
    def needed_from(self) -> int | None:
        """Return the first sample that the next interim decode needs."""
        return self._from

    @property
    def decoded_to(self) -> int:
        """Return the sample after the last one decoded."""
        return self._decoded_to

    @property
    def has_text(self) -> bool:
        """Tell whether there is interim text."""
        return bool(self._agreement.confirmed or self._agreement.pending)

    def partial(self, start: int) -> ListenPartial:
        """Return the interim text of the window that begins at `start`."""
        confirmed, pending = self._agreement.confirmed, self._agreement.pending
        joined = bool(pending) and not pending[0].spaced
        return ListenPartial(start, confirmed, text_of(pending), self._decoded_to, joined)

    def restart(self, sample: int) -> None:
        """Start with the window at a sample; text before it belongs to another window."""
        self._agreement = self._agreement.behind(sample)

    async def run(self, utterance: int, end: int) -> bool:
        """Decode an utterance from `utterance` to sample `end`; return whether there was enough audio."""
        first = max(self._from or 0, utterance)
        if end - first < SHORTEST_INTERIM:
            return False
        agreement = self._agreement
        before = text_of([word for word in agreement.confirmed if word.end <= first])
        words = await self._decoder.words(self._buffer.slice(Span(first, end)), first, before)
        if agreement is self._agreement:
            self._decoded_to = end
            if words is not None:
                agreement.take(words)
            self._from = self._trimmed(first, end)
        return True

    def take(self, words: Sequence[Word], end: int) -> None:
        """Take the words of a window's own decode, which heard the audio up to a sample."""
        self._agreement.take(words)
        self._decoded_to = max(self._decoded_to, end)

    def settle(self, utterance: Utterance) -> None:
        """Settle the last interim decode, because the utterance has ended."""
        match utterance.ending:
            case Ending.PAUSE:
                self._agreement.settle(utterance.end)
            case Ending.CUT:
                self._agreement.cut(utterance.end)
            case Ending.NO_SPEECH:
                self._agreement.drop()
        self._from = utterance.end

    def _trimmed(self, first: int, end: int) -> int:
        """Return where the next interim decode begins: a few words before the end of the confirmed text."""
        confirmed = [word for word in self._agreement.confirmed if word.start > first]
        if end - first <= LONGEST_INTERIM or len(confirmed) <= KEPT_WORDS:
            return first
        return confirmed[-KEPT_WORDS].start
