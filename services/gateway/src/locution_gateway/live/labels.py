"""Label the words of a session's finals with speakers: at once as far as known, and definitively at its end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from typing import Final
from uuid import UUID

from locution_common.errors import Reason, Refused
from locution_common.retry import retry
from locution_speech.speakers import Turn, label

from locution_gateway.jobs.config import DiarizationConfig
from locution_gateway.live import keys
from locution_gateway.live.centroids import MOST, Centroids, speakers_of
from locution_gateway.live.diarizer import GrpcLiveSpeakers
from locution_gateway.live.keeper import PATIENCE as KEEPING
from locution_gateway.live.models import LiveFinal, LiveSession, ServerMessage, SpeakersKnown, SpeakersUnavailable
from locution_gateway.live.parts import LiveParts
from locution_gateway.live.speakers import HeardSpeakers, LiveSection
from locution_gateway.platform.principal import Principal

PATIENCE: Final = 2.0
"""Seconds that a final waits for its speakers; later ones are sent separately."""

WAITING: Final = 4
"""Finals whose audio is held for the diarizer; further ones stay without speakers."""

TRIES: Final = 3
LONGEST_PAUSE: Final = 2.0
LAST_PATIENCE: Final = 60.0
"""Seconds for the diarizer to finish after the end of the audio."""

PAGE: Final = 50


@dataclass(frozen=True, slots=True)
class Labelling:
    """A final in progress: the speakers of its words, and the final as it was sent."""

    final: LiveFinal
    start: int
    pcm: bytes
    speakers: asyncio.Future[tuple[str, ...]] = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )
    sent: asyncio.Future[LiveFinal] = field(default_factory=lambda: asyncio.get_running_loop().create_future())

    async def soon(self) -> LiveFinal:
        """Return the final, with its speakers if they are known soon."""
        try:
            async with asyncio.timeout(PATIENCE):
                return with_speakers(self.final, await asyncio.shield(self.speakers))
        except TimeoutError:
            return self.final


class Labels:
    """Labels the finals of one stream; its state is stored with the session, so that any replica can continue."""

    def __init__(
        self,
        parts: LiveParts,
        engine: GrpcLiveSpeakers,
        wanted: DiarizationConfig,
        principal: Principal,
        session: LiveSession,
        owner: UUID,
        tell: Callable[[ServerMessage], Awaitable[None]],
    ) -> None:
        self._parts = parts
        self._engine = engine
        self._wanted = wanted
        self._principal = principal
        self._session = session
        self._owner = owner
        self._tell = tell
        self._centroids = Centroids(wanted.speaker_count or wanted.max_speaker_count or MOST)
        self._queue: asyncio.Queue[Labelling] = asyncio.Queue(WAITING)
        self._missing = False

    async def begin(self, final: LiveFinal, start: int, pcm: bytes) -> Labelling | None:
        """Label a final whose audio begins at `start`; None if the diarizer is too far behind."""
        if not final.words or not pcm:
            return None
        if self._queue.full():
            await self._miss()
            return None
        labelling = Labelling(final, start, pcm)
        self._queue.put_nowait(labelling)
        return labelling

    async def run(self) -> None:
        """Label finals, one after the other, until cancelled."""
        async for section in self._sections():
            self._centroids.restore(section.centroids)
        while True:
            labelling = await self._queue.get()
            speakers = await self._speakers(labelling)
            labelling.speakers.set_result(speakers)
            sent = await labelling.sent
            if speakers and sent is labelling.final:
                await self._label(sent, speakers, settled=False)
            self._queue.task_done()

    async def settle(self) -> None:
        """Cluster the whole session after its end, and correct earlier labels."""
        try:
            async with asyncio.timeout(LAST_PATIENCE):
                await self._queue.join()
        except TimeoutError:
            await self._miss()
        try:
            await self._correct()
        except Refused as error:
            if error.reason in (Reason.LIVE_SESSION_TAKEN_OVER, Reason.LIVE_SESSION_ENDED):
                raise
            await self._miss()

    async def _speakers(self, labelling: Labelling) -> tuple[str, ...]:
        heard = await self._hear(labelling.pcm)
        if heard is None:
            await self._miss()
            return ()
        self._missing = False
        placed = self._centroids.place(heard.section.centroids)
        await self._keep(labelling, heard, placed)
        turns = [
            Turn(labelling.start + turn.start, labelling.start + turn.end, label(placed[turn.speaker]))
            for turn in heard.section.turns
        ]
        return speakers_of(labelling.final, turns)

    async def _hear(self, pcm: bytes) -> HeardSpeakers | None:
        """Return the diarizer's result, or None if no diarizer is available."""
        for _ in range(TRIES):
            try:
                return await self._engine.hear(self._principal, self._wanted, pcm)
            except Refused as error:
                if error.retry_after is None:
                    return None
                await self._parts.clock.sleep(min(error.retry_after, LONGEST_PAUSE))
        return None

    async def _keep(self, labelling: Labelling, heard: HeardSpeakers, placed: dict[int, int]) -> None:
        key = keys.section(self._session.tenant_id, self._session.session_id, labelling.final.final_id, self._owner)
        centroids = tuple(replace(centroid, speaker=placed[centroid.speaker]) for centroid in heard.section.centroids)
        section = LiveSection(labelling.final.final_id, labelling.start, key, centroids)
        await retry(lambda: self._parts.objects.put(key, heard.body), backoff=KEEPING, clock=self._parts.clock)
        await retry(lambda: self._add(section), backoff=KEEPING, clock=self._parts.clock)

    async def _add(self, section: LiveSection) -> None:
        await self._parts.store.add_section(self._principal, self._session.session_id, self._owner, section)

    async def _label(self, final: LiveFinal, speakers: tuple[str, ...], settled: bool) -> None:
        known = with_speakers(final, speakers)
        await self._parts.store.label(self._principal, self._session.session_id, self._owner, known)
        await self._tell(SpeakersKnown(final.final_id, speakers, settled))

    async def _miss(self) -> None:
        """Announce once that speakers are missing, until one is known again."""
        if not self._missing:
            self._missing = True
            await self._tell(SpeakersUnavailable())

    async def _correct(self) -> None:
        if not await self._parts.store.sections(self._principal, self._session.session_id, 0, 1):
            return
        bodies, sections = self._bodies(), self._sections()
        async with aclosing(sections), aclosing(self._engine.cluster(self._principal, self._wanted, bodies)) as answers:
            async for spans in answers:
                section = await anext(sections, None)
                if section is None:
                    raise Refused(Reason.DEPENDENCY_UNAVAILABLE, "the engine answered for more sections than were sent")
                turns = [
                    Turn(section.start + span.start, section.start + span.end, label(span.speaker)) for span in spans
                ]
                await self._settle_one(section.final_id, turns)

    async def _settle_one(self, final_id: int, turns: list[Turn[str]]) -> None:
        session_id = self._session.session_id
        finals = await self._parts.store.finals(self._principal, session_id, final_id - 1, 1)
        if not finals or finals[0].final_id != final_id:
            return
        speakers = speakers_of(finals[0], turns)
        if speakers and speakers != tuple(word.speaker for word in finals[0].words):
            await self._label(finals[0], speakers, settled=True)

    async def _bodies(self) -> AsyncGenerator[bytes]:
        async for section in self._sections():
            yield await self._parts.objects.get(section.key)

    async def _sections(self) -> AsyncGenerator[LiveSection]:
        after = 0
        while page := await self._parts.store.sections(self._principal, self._session.session_id, after, PAGE):
            for section in page:
                yield section
            after = page[-1].final_id


def with_speakers(final: LiveFinal, speakers: tuple[str, ...]) -> LiveFinal:
    """Return a final whose words have speakers; unchanged if none are known."""
    if not speakers:
        return final
    words = zip(final.words, speakers, strict=True)
    return replace(final, words=tuple(replace(word, speaker=speaker or None) for word, speaker in words))
