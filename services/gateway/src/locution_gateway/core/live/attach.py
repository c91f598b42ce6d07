"""Begin a live session, or go on with one, and bring back what an engine must hear again."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Final
from uuid import UUID, uuid4

from locution_gateway.core.jobs.configure import AUTO, knows
from locution_gateway.core.live import tokens
from locution_gateway.core.live.audio import begin_before, position
from locution_gateway.domain.errors import OptionUnsupportedError
from locution_gateway.domain.identity import Principal
from locution_gateway.domain.ids import new_id
from locution_gateway.domain.live import (
    Afterwards,
    ListenFrom,
    LiveConfig,
    LiveFinal,
    LiveId,
    LiveRequest,
    LiveSession,
    Resume,
)
from locution_gateway.domain.live_ports import LiveStore, NewLive
from locution_gateway.domain.models import ModelKind, ResolvedModel
from locution_gateway.domain.ports import ModelResolver, ObjectBytes

RATE: Final = 16_000
FRAME: Final = 512
WARM_UP: Final = 8 * RATE
"""Audio that an engine hears again before what is not done, so that its detector and cuts are as they were."""

STEP: Final = 0.5
PAGE: Final = 200


@dataclass(frozen=True, slots=True)
class Attached:
    """A session that a stream owns, the token to go on with it, and finals to send again."""

    session: LiveSession
    owner: UUID
    token: str
    finals: tuple[LiveFinal, ...] = ()


@dataclass(frozen=True, slots=True)
class Restart:
    """Where decoding begins: the offset to read from, and where the engine listens from."""

    offset: int
    listen: ListenFrom


class Attach:
    """Makes sessions and resumes them."""

    def __init__(
        self,
        store: LiveStore,
        objects: ObjectBytes,
        models: ModelResolver,
        trace: Callable[[], str],
        default: Afterwards,
    ) -> None:
        self._store = store
        self._objects = objects
        self._models = models
        self._trace = trace
        self._default = default

    async def begin(self, principal: Principal, asked: LiveRequest) -> Attached:
        """Create a session. Raises the MODEL errors and OptionUnsupportedError."""
        model = await self._models.resolve(ModelKind.ASR, asked.asr_model)
        config = configured(asked, model, self._default)
        session_id, owner = LiveId(new_id()), uuid4()
        token = tokens.new_token(session_id)
        new = NewLive(session_id, asked.display_name, config, tokens.digest(token), owner, self._trace())
        return Attached(await self._store.create(principal, new), owner, token)

    async def resume(self, principal: Principal, asked: Resume) -> Attached:
        """Take a session over. Raises LiveTokenInvalidError, LiveSessionNotFoundError, LiveSessionEndedError."""
        session_id, owner = tokens.session_of(asked.token), uuid4()
        token = tokens.new_token(session_id)
        session = await self._store.resume(
            principal, session_id, tokens.digest(asked.token), tokens.digest(token), owner
        )
        finals = [final async for final in self._finals(principal, session_id, asked.last_final)]
        return Attached(session, owner, token, tuple(finals))

    async def audio(self, principal: Principal, session: LiveSession, offset: int) -> AsyncIterator[bytes]:
        """Yield what is kept from an offset on."""
        unit = session.config.encoding.unit
        while chunks := await self._store.chunks(principal, session.session_id, offset, PAGE):
            for chunk in chunks:
                data = await self._objects.get(chunk.key)
                yield data[(offset - chunk.start) * unit :]
                offset = chunk.end

    async def _finals(self, principal: Principal, session_id: LiveId, after: int) -> AsyncIterator[LiveFinal]:
        while finals := await self._store.finals(principal, session_id, after, PAGE):
            for final in finals:
                yield final
            after = finals[-1].final_id


def restart(session: LiveSession) -> Restart:
    """Return where decoding begins so that the engine hears all that is not done, and a little before it."""
    config, done = session.config, session.done_sample
    wanted = max(0, done - WARM_UP)
    if config.sample_rate is None:
        return Restart(0, ListenFrom(_frame(wanted), done, session.heard_language, session.trace_context))
    first = _frame(min(wanted, position(session.kept, config.sample_rate)))
    listen = ListenFrom(first, done, session.heard_language, session.trace_context)
    return Restart(begin_before(first, config.sample_rate), listen)


def configured(asked: LiveRequest, model: ResolvedModel, default: Afterwards) -> LiveConfig:
    """Fill in what the client left open. Raises OptionUnsupportedError."""
    can, path = model.capabilities, model.choice.path
    if not can.word_times:
        raise OptionUnsupportedError("start.config.asr_model", f"{path} gives no times of words, which streams need")
    if (asked.prompt or asked.hotwords) and not can.prompt:
        raise OptionUnsupportedError("start.config.prompt", f"{path} takes no prompt and no hotwords")
    return LiveConfig(
        encoding=asked.encoding,
        sample_rate=asked.sample_rate,
        language=_language(asked.language, model),
        asr_model=model.choice,
        step=round((asked.step or STEP) * RATE),
        afterwards=asked.afterwards or default,
        silence=round((asked.silence or 0) * RATE),
        longest=round((asked.longest or 0) * RATE),
        partials=asked.partials is not False,
        prompt=asked.prompt or "",
        hotwords=asked.hotwords,
    )


def _language(asked: str | None, model: ResolvedModel) -> str:
    can = model.capabilities
    if asked in (None, AUTO):
        return next(iter(can.languages)) if len(can.languages) == 1 else AUTO
    if not knows(can, asked or AUTO):
        raise OptionUnsupportedError("start.config.language", f"{model.choice.path} does not know the language {asked}")
    return asked or AUTO


def _frame(sample: int) -> int:
    return sample - sample % FRAME
