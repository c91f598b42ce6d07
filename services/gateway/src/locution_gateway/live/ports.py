"""What live sessions need of the world."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from locution_speech.asr import EngineSizes, ListenEvent, ListenUpdate, Started
from locution_speech.speakers import Turn

from locution_gateway.jobs.config import DiarizationConfig
from locution_gateway.live.models import ListenFrom, LiveChunk, LiveConfig, LiveFinal, LiveId, LiveSession
from locution_gateway.live.speakers import HeardSpeakers, LiveSection
from locution_gateway.platform.ids import JobId, UploadId
from locution_gateway.platform.listing import Page, PageQuery
from locution_gateway.platform.principal import Principal, TenantId


@dataclass(frozen=True, slots=True)
class NewLive:
    """A session to be created, owned by the stream that creates it."""

    session_id: LiveId
    display_name: str
    config: LiveConfig
    token_hash: bytes
    owner: UUID
    trace_context: str


class LiveStore(Protocol):
    """Sessions of a tenant; absent and foreign raise LIVE_SESSION_NOT_FOUND alike.

    Writes that name an owner raise LIVE_SESSION_TAKEN_OVER, or LIVE_SESSION_ENDED, once it owns the session no more.
    """

    async def create(self, principal: Principal, new: NewLive) -> LiveSession:
        """Create a session that its stream owns."""

    async def resume(
        self, principal: Principal, session_id: LiveId, shown: bytes, fresh: bytes, owner: UUID
    ) -> LiveSession:
        """Give a session to another stream with a fresh token.

        Refused with LIVE_TOKEN_INVALID, LIVE_SESSION_ENDED.
        """

    async def renew(self, principal: Principal, session_id: LiveId, owner: UUID) -> None:
        """Hold a session for longer."""

    async def keep(self, principal: Principal, session_id: LiveId, owner: UUID, chunk: LiveChunk, samples: int) -> None:
        """Count audio that the object store holds, and retire the resume token before the last."""

    async def add_final(
        self, principal: Principal, session_id: LiveId, owner: UUID, final: LiveFinal, language: str | None
    ) -> None:
        """Keep a final; all before its end is done."""

    async def label(self, principal: Principal, session_id: LiveId, owner: UUID, final: LiveFinal) -> None:
        """Replace a final with the same final whose words have speakers."""

    async def add_section(self, principal: Principal, session_id: LiveId, owner: UUID, section: LiveSection) -> None:
        """Keep what a diarizer heard in a final's audio, in place of what was heard in it before."""

    async def sections(self, principal: Principal, session_id: LiveId, after: int, limit: int) -> Sequence[LiveSection]:
        """Return up to `limit` sections of finals behind an id, in order."""

    async def progress(self, principal: Principal, session_id: LiveId, owner: UUID, done: int) -> None:
        """Note that all before a sample is done."""

    async def change(self, principal: Principal, session_id: LiveId, owner: UUID, config: LiveConfig) -> None:
        """Keep another configuration."""

    async def heard_by(self, principal: Principal, session_id: LiveId, owner: UUID, engine: EngineSizes) -> None:
        """Keep the sizes of the engine that hears it now."""

    async def detach(self, principal: Principal, session_id: LiveId, owner: UUID) -> None:
        """Let a session go; nothing when the owner has lost it."""

    async def end(self, principal: Principal, session_id: LiveId, owner: UUID | None, reason: str) -> LiveSession:
        """Make it ENDING; one that was ended before stays as it is. Without an owner it is taken from its stream."""

    async def settle(
        self, principal: Principal, session_id: LiveId, upload_id: UploadId | None, job_id: JobId | None
    ) -> LiveSession:
        """Make an ENDING session ENDED, and drop its audio and finals."""

    async def finals(self, principal: Principal, session_id: LiveId, after: int, limit: int) -> Sequence[LiveFinal]:
        """Return up to `limit` finals behind an id."""

    async def chunks(self, principal: Principal, session_id: LiveId, after: int, limit: int) -> Sequence[LiveChunk]:
        """Return up to `limit` chunks that end behind an offset, in order."""

    async def get(self, principal: Principal, session_id: LiveId) -> LiveSession:
        """Read one."""

    async def list(self, principal: Principal, query: PageQuery) -> Page[LiveSession]:
        """Read a page."""

    async def due(self, limit: int) -> Sequence[tuple[TenantId, LiveId]]:
        """Return sessions of all tenants whose time is over."""

    async def expire(self, principal: Principal, session_id: LiveId) -> LiveSession | None:
        """Act on a session whose time is over: give up an OPEN one, claim an ENDING one, forget an ENDED one.

        Returns the session when it is to be settled now.
        """


class LiveSpeakers(Protocol):
    """Diarizers. A refusal with `retry_after` comes before any result."""

    async def hear(self, principal: Principal, wanted: DiarizationConfig, pcm: bytes) -> HeardSpeakers:
        """Find who speaks in a stretch of PCM."""

    def cluster(
        self, principal: Principal, wanted: DiarizationConfig, sections: AsyncGenerator[bytes]
    ) -> AsyncGenerator[tuple[Turn[int], ...]]:
        """Join what was heard in sections into speakers of the session; yield one answer a section, in order."""


class Listening(Protocol):
    """One stream to one engine, which told what it runs with. Each method may raise EngineLostError."""

    @property
    def started(self) -> Started:
        """Return what the engine runs with."""
        ...

    async def send(self, first: int, pcm: bytes) -> None:
        """Send at most one second of PCM that begins at a sample; waits while the engine is behind."""

    async def flush(self) -> None:
        """Ask for the text so far."""

    async def change(self, change: ListenUpdate) -> None:
        """Change what the decoder is asked."""

    async def finish(self) -> None:
        """Say that all audio was sent."""

    def abandon(self) -> None:
        """Give the engine up: who waits for it gets EngineLostError."""

    def events(self) -> AsyncIterator[ListenEvent]:
        """Yield what the engine tells, ListenDone last."""


class LiveEngine(Protocol):
    """Engines that listen."""

    def listen(
        self, principal: Principal, config: LiveConfig, begin: ListenFrom
    ) -> AbstractAsyncContextManager[Listening]:
        """Open a stream to any engine. Raises EngineLostError, or what the engine refuses with."""


class Transcoder(Protocol):
    """Turns a stream's bytes into mono PCM at 16 kHz, handed to a sink in order."""

    async def feed(self, data: bytes) -> None:
        """Take bytes; waits while the sink does. Raises MEDIA."""

    async def finish(self) -> None:
        """Hand over what is left. Raises MEDIA."""


class LiveObserver(Protocol):
    """Measures live streams; never raises, never blocks."""

    def opened(self, session: LiveSession) -> AbstractAsyncContextManager[None]:
        """Count a stream while inside, and make what happens inside part of the session's trace."""

    def partial(self, lag: float) -> None:
        """Note by how many seconds of audio a partial trails what was received."""

    def confirmed(self, seconds: float) -> None:
        """Note how long a word took from when its end was received until it was confirmed."""

    def final(self, session: LiveSession, final: LiveFinal, lag: float) -> None:
        """Note a final, and by how many seconds of audio it trails what was received."""
