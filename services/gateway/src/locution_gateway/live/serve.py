"""The tasks of one stream: read, store, decode, hold the session, and watch for the shutdown."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, aclosing, suppress
from datetime import timedelta

from locution_common.errors import Reason, Refused
from locution_speech.asr import (
    Flush,
    ListenDone,
    ListenEvent,
    ListenFinal,
    ListenPartial,
    ListenProgress,
    ListenUpdate,
    SpeechEvent,
    Started,
)
from locution_speech.clock import SAMPLE_RATE
from locution_speech.transcript import Word

from locution_gateway.live.attach import Attach, Attached, Restart
from locution_gateway.live.audio import PcmTranscoder, position
from locution_gateway.live.keeper import Keeper
from locution_gateway.live.labels import Labelling, Labels
from locution_gateway.live.models import (
    Audio,
    ClientMessage,
    Draining,
    EngineReplaced,
    Finish,
    LiveFinal,
    LiveLimits,
    Partial,
    RegionIgnored,
    Speech,
)
from locution_gateway.live.outbox import Outbox
from locution_gateway.live.parts import LiveParts
from locution_gateway.live.ports import Transcoder
from locution_gateway.live.shown import Shown
from locution_gateway.live.streaming_session import StreamingSession
from locution_gateway.live.timing import Confirmation
from locution_gateway.platform.principal import Principal

PROGRESS_EVERY = 10 * SAMPLE_RATE
HALF_CLOSED = 0.5
"""Seconds in which a lost connection cancels the call after its last message; a call that goes on was half-closed."""
LAST_WORDS = 2.0
"""Seconds to store the rest of a broken stream."""


class Serve:
    """Runs one stream that owns its session."""

    def __init__(
        self,
        parts: LiveParts,
        attach: Attach,
        limits: LiveLimits,
        principal: Principal,
        attached: Attached,
        begin: Restart,
        outbox: Outbox,
    ) -> None:
        self._parts = parts
        self._attach = attach
        self._limits = limits
        self._principal = principal
        self._session = attached.session
        self._owner = attached.owner
        self._begin = begin
        self._outbox = outbox
        self._config = attached.session.config
        self._last_final = attached.session.last_final
        self._progressed = attached.session.done_sample
        self._heard = 0
        self._next = attached.session.kept
        self._streaming = StreamingSession(parts.engine, principal, self._config, begin.listen, parts.clock)
        self._keeper = Keeper(
            parts.store,
            parts.objects,
            principal,
            attached.session,
            attached.owner,
            outbox.put,
            parts.clock,
            limits.keep_every,
        )
        self._timing = Confirmation()
        self._shown = Shown()
        self._labels = _labels(parts, principal, attached, outbox)

    async def run(self, messages: AsyncIterator[ClientMessage]) -> None:
        """Serve the stream until all its audio is decoded. The session can be resumed if an error ends it earlier."""
        received = False
        try:
            async with asyncio.TaskGroup() as group:
                others = [group.create_task(self._hold()), group.create_task(self._drain())]
                if self._labels is not None:
                    others.append(group.create_task(self._labels.run()))
                streaming = group.create_task(self._hear())
                keeping = group.create_task(self._keeper.run())
                await self._read(messages)
                received = True
                await self._keeper.finish()
                await keeping
                await streaming
                await self._settle_labels()
                for task in [*others, streaming]:
                    task.cancel()
        finally:
            if not received:
                await asyncio.shield(self._let_go())

    async def _settle_labels(self) -> None:
        if self._labels is not None:
            await self._labels.settle()

    async def _let_go(self) -> None:
        """Store the received audio, and let the session be resumed, unless another stream took it over."""
        try:
            with suppress(Refused, TimeoutError):
                async with asyncio.timeout(LAST_WORDS):
                    await self._keeper.finish()
                    await self._keeper.run()
        finally:
            with suppress(Refused):
                await self._parts.store.detach(self._principal, self._session.session_id, self._owner, self._heard)

    async def _read(self, messages: AsyncIterator[ClientMessage]) -> None:
        """Take messages until `finish`, or until the client half-closes the stream, which says the same."""
        async with AsyncExitStack() as stack:
            transcoder = await self._transcoder(stack)
            await self._restore(transcoder)
            async for message in messages:
                if isinstance(message, Finish):
                    break
                await self._take(message, transcoder)
            else:
                await asyncio.sleep(HALF_CLOSED)
            await transcoder.finish()
            await self._streaming.finish()

    async def _transcoder(self, stack: AsyncExitStack) -> Transcoder:
        encoding, rate, first = self._config.encoding, self._config.sample_rate, self._begin.listen.first
        if encoding.container is None:
            return PcmTranscoder(encoding, rate or SAMPLE_RATE, self._streaming.send, self._begin.offset, first)
        sink = Skip(self._streaming, first)
        return await stack.enter_async_context(self._parts.decoders.open(encoding.container, sink.take))

    async def _restore(self, transcoder: Transcoder) -> None:
        """Send unfinished audio to the engine again."""
        if self._session.kept > self._begin.offset:
            audio = self._attach.audio(self._principal, self._session, self._begin.offset)
            async for data in audio:
                await transcoder.feed(data)

    async def _take(self, message: ClientMessage, transcoder: Transcoder) -> None:
        match message:
            case Audio():
                self._check(message)
                self._timing.received(self._received(), self._parts.clock.monotonic())
                await self._keeper.take(message.data, self._received())
                await transcoder.feed(message.data)
            case Flush():
                await self._streaming.flush()
            case ListenUpdate():
                await self._change(message)
            case _:
                raise Refused(Reason.STREAM_PROTOCOL_VIOLATED, "`start` must be the first message only")

    async def _change(self, asked: ListenUpdate) -> None:
        change, region_ignored = await self._attach.update(self._config, asked)
        self._config = await self._streaming.change(change)
        await self._parts.store.change(self._principal, self._session.session_id, self._owner, self._config)
        if region_ignored:
            await self._outbox.put(RegionIgnored())

    def _received(self) -> int:
        """Return the sample at 16 kHz after the last one received; a decoder's own count trails slightly."""
        rate = self._config.sample_rate
        return self._streaming.received if rate is None else position(self._next, rate)

    def _check(self, audio: Audio) -> None:
        unit = self._config.encoding.unit
        if len(audio.data) % unit:
            message = f"{len(audio.data)} bytes are no whole samples of {unit} bytes"
            raise Refused(Reason.AUDIO_INCOMPLETE_SAMPLE, message)
        if audio.offset != self._next:
            raise Refused(
                Reason.AUDIO_OFFSET_MISMATCH,
                f"audio continues at {self._next}, not at {audio.offset}",
                metadata={"expected_offset": str(self._next)},
            )
        self._next += len(audio.data) // unit

    async def _hear(self) -> None:
        async with aclosing(self._streaming.events()) as events:
            async for event in events:
                await self._tell(event)

    async def _tell(self, event: Started | ListenEvent | EngineReplaced) -> None:
        match event:
            case ListenFinal():
                await self._final(event)
            case ListenPartial():
                await self._partial(event)
            case SpeechEvent():
                await self._outbox.put(Speech(self._last_final + 1, event.sample, event.began))
            case ListenProgress():
                await self._progress(event.done)
            case Started():
                await self._heard_by(event)
            case EngineReplaced():
                self._shown.hold()
                await self._outbox.put(event)
            case ListenDone():
                await self._progress(event.length, least=0)

    async def _partial(self, event: ListenPartial) -> None:
        if event.heard > self._heard:
            self._heard = event.heard
            self._parts.observer.partial((self._streaming.received - event.heard) / SAMPLE_RATE)
        self._time(event.confirmed)
        if self._shown.replace(event.confirmed):
            await self._outbox.put(Partial(self._last_final + 1, event.confirmed, event.unstable, event.joined))

    async def _heard_by(self, started: Started) -> None:
        """Store the engine's sizes for the stream that resumes the session."""
        if started.sizes is not None and started.sizes != self._session.engine:
            await self._parts.store.heard_by(self._principal, self._session.session_id, self._owner, started.sizes)

    async def _final(self, event: ListenFinal) -> None:
        """Store a final before it is sent, so that its id identifies it."""
        final = LiveFinal(self._last_final + 1, event.start, event.end, event.text, event.words, event.language)
        self._time(event.words)
        labelling = await self._begin_label(final)
        if labelling is not None:
            final = await labelling.soon()
        await self._parts.store.add_final(
            self._principal, self._session.session_id, self._owner, final, event.language or None
        )
        self._last_final = final.final_id
        self._progressed = max(self._progressed, final.end)
        self._parts.observer.final(self._session, final, (self._streaming.received - final.end) / SAMPLE_RATE)
        self._shown.final(final.end)
        await self._outbox.put(final)
        if labelling is not None:
            labelling.sent.set_result(final)

    def _time(self, words: tuple[Word, ...]) -> None:
        for seconds in self._timing.confirmed(words, self._parts.clock.monotonic()):
            self._parts.observer.confirmed(seconds)

    async def _begin_label(self, final: LiveFinal) -> Labelling | None:
        if self._labels is None:
            return None
        start, pcm = self._streaming.audio(final.start, final.end)
        return await self._labels.begin(final, start, pcm)

    async def _progress(self, done: int, least: int = PROGRESS_EVERY) -> None:
        """Record finished silence every few seconds, so that a resume does not repeat it."""
        if done - self._progressed > least:
            self._progressed = done
            await self._parts.store.progress(self._principal, self._session.session_id, self._owner, done)

    async def _hold(self) -> None:
        while True:
            await self._parts.clock.sleep(self._limits.lease / 3)
            await self._parts.store.renew(self._principal, self._session.session_id, self._owner, self._heard)

    async def _drain(self) -> None:
        await self._parts.stopping.wait()
        wait = timedelta(seconds=max(0.1, self._limits.grace - min(1.0, self._limits.grace / 2)))
        await self._outbox.put(Draining(self._parts.clock.now() + wait))
        await self._parts.clock.sleep(wait.total_seconds())
        raise Refused(Reason.LIVE_DRAINING, retry_after=0.5)


def _labels(parts: LiveParts, principal: Principal, attached: Attached, outbox: Outbox) -> Labels | None:
    """Return the labeller of finals, or None if speakers were not requested."""
    wanted = attached.session.config.diarization
    if wanted is None or parts.speakers is None:
        return None
    return Labels(parts, parts.speakers, wanted, principal, attached.session, attached.owner, outbox.put)


class Skip:
    """Pass PCM that begins at sample 0 to a streaming session that begins later."""

    def __init__(self, session: StreamingSession, first: int) -> None:
        self._session = session
        self._left = first * 2

    async def take(self, pcm: bytes) -> None:
        """Add PCM."""
        skipped = min(self._left, len(pcm))
        self._left -= skipped
        if len(pcm) > skipped:
            await self._session.send(pcm[skipped:])
