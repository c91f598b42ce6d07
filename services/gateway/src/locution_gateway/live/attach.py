"""Start or resume a live session, and read back the audio that an engine needs again."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Final
from uuid import UUID, uuid4

from locution_common.errors import Reason, Refused
from locution_speech.asr import ListenUpdate

from locution_gateway.jobs.config import Afterwards, DiarizationRequest
from locution_gateway.live import tokens
from locution_gateway.live.audio import begin_before, position
from locution_gateway.live.configure import check_prompt, configured, match_language, wants_speakers
from locution_gateway.live.models import (
    ListenFrom,
    LiveConfig,
    LiveFinal,
    LiveId,
    LiveRequest,
    LiveSession,
    LiveState,
    NewLive,
    Resume,
)
from locution_gateway.live.postgres import PostgresLive
from locution_gateway.models.models import ModelKind, ResolvedModel
from locution_gateway.models.ports import ModelResolver
from locution_gateway.platform.authorise import require_scope
from locution_gateway.platform.ids import new_id
from locution_gateway.platform.principal import Principal, Scope
from locution_gateway.uploads.ports import ObjectBytes

PAGE: Final = 200


@dataclass(frozen=True, slots=True)
class Attached:
    """A session that a stream owns, the token to resume it, and the finals to send again.

    `region_ignored` tells that the model takes the requested language without its region.
    """

    session: LiveSession
    owner: UUID
    token: str
    finals: tuple[LiveFinal, ...] = ()
    region_ignored: bool = False


@dataclass(frozen=True, slots=True)
class Restart:
    """Where decoding starts: the offset to read from, and the first sample for the engine."""

    offset: int
    listen: ListenFrom


class Attach:
    """Creates and resumes sessions."""

    def __init__(
        self,
        store: PostgresLive,
        objects: ObjectBytes,
        models: ModelResolver,
        trace: Callable[[], str],
        default: Afterwards,
        tenant_default: Callable[[Principal], Awaitable[Afterwards | None]],
        speakers: bool,
    ) -> None:
        self._store = store
        self._objects = objects
        self._models = models
        self._trace = trace
        self._default = default
        self._tenant_default = tenant_default
        self._speakers = speakers

    async def begin(self, principal: Principal, asked: LiveRequest) -> Attached:
        """Create a session. Refuses with the MODEL reasons, OPTION_UNSUPPORTED and PERMISSION_DENIED."""
        if asked.afterwards is Afterwards.JOB:
            require_scope(principal, Scope.JOBS_WRITE)
        model = await self._models.resolve(ModelKind.ASR, asked.asr_model)
        speakers = await self._diarizer(asked.diarization)
        language = match_language(model, asked.language, "start.config")
        default = await self._tenant_default(principal)
        config = configured(asked, language.language, model, speakers, self._default, default)
        session_id, owner = LiveId(new_id()), uuid4()
        token = tokens.new_token(session_id)
        new = NewLive(session_id, asked.display_name, config, tokens.digest(token), owner, self._trace())
        session = await self._store.create(principal, new)
        return Attached(session, owner, token, region_ignored=bool(language.ignored))

    async def update(self, config: LiveConfig, asked: ListenUpdate) -> tuple[ListenUpdate, bool]:
        """Return a change of options as the model takes it, and whether it ignores the language's region.

        Refuses with OPTION_UNSUPPORTED. If the registry is away or the model was disabled, which ends no stream, the
        engine alone checks the change.
        """
        try:
            model = await self._models.resolve(ModelKind.ASR, config.asr_model.path)
        except Refused:
            return asked, False
        check_prompt(model, asked.prompt, asked.hotwords, "update", "vocabulary")
        if asked.language is None:
            return asked, False
        language = match_language(model, asked.language, "update")
        return replace(asked, language=language.language), bool(language.ignored)

    async def _diarizer(self, asked: DiarizationRequest) -> ResolvedModel | None:
        """Return the session's diarizer, or None if diarization was not requested. Refuses with the MODEL reasons."""
        if not wants_speakers(asked):
            return None
        if not self._speakers:
            raise Refused(
                Reason.OPTION_UNSUPPORTED,
                "this installation has no diarizer for live sessions",
                field="start.config.diarization",
            )
        return await self._models.resolve(ModelKind.DIARIZATION, asked.model)

    async def resume(self, principal: Principal, asked: Resume) -> Attached:
        """Take a session over; of one that its client finished, return what the client has not received.

        Refuses with LIVE_TOKEN_INVALID, LIVE_SESSION_NOT_FOUND, LIVE_SESSION_ENDED.
        """
        session_id, owner = tokens.session_of(asked.token), uuid4()
        token = tokens.new_token(session_id)
        session = await self._store.resume(
            principal, session_id, tokens.digest(asked.token), tokens.digest(token), owner
        )
        finals = [final async for final in self._finals(principal, session_id, asked.last_final)]
        if session.state is LiveState.OPEN:
            return Attached(session, owner, token, tuple(finals))
        if (finals[-1].final_id if finals else asked.last_final) != session.last_final:
            raise Refused(Reason.LIVE_SESSION_ENDED, "the live session has ended, and its text is deleted")
        return Attached(session, owner, asked.token, tuple(finals))

    async def audio(self, principal: Principal, session: LiveSession, offset: int) -> AsyncIterator[bytes]:
        """Yield the stored audio from an offset."""
        unit = session.config.encoding.unit
        while chunks := await self._store.chunks(principal, session.session_id, offset, PAGE):
            for chunk in chunks:
                data = await self._objects.get(chunk.key)
                # The row counts: earlier versions may have stored longer audio under its key.
                yield data[(offset - chunk.start) * unit : (chunk.end - chunk.start) * unit]
                offset = chunk.end

    async def _finals(self, principal: Principal, session_id: LiveId, after: int) -> AsyncIterator[LiveFinal]:
        while finals := await self._store.finals(principal, session_id, after, PAGE):
            for final in finals:
                yield final
            after = finals[-1].final_id


def restart(session: LiveSession) -> Restart:
    """Return where decoding starts: the engine gets all unfinished audio, and the audio that it needs before it.

    If no engine reported what it needs, it gets all audio.
    """
    rate, sizes, offset, first = session.config.sample_rate, session.engine, 0, 0
    if sizes is not None:
        first = sizes.begin(session.done_sample)
    if sizes is not None and rate is not None:
        first = min(first, sizes.aligned(position(session.kept, rate)))
        offset = begin_before(first, rate)
    listen = ListenFrom(first, session.done_sample, session.heard_language, session.trace_context)
    return Restart(offset, listen)
