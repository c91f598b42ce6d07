"""Convert live messages to the domain and back."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from typing import Final

from google.protobuf.duration_pb2 import Duration
from locution.v1 import live_service_pb2 as pb
from locution_common.errors import Reason
from locution_speech.asr import Flush, ListenUpdate
from locution_speech.transcript import Word

from locution_gateway.jobs.config import Afterwards
from locution_gateway.jobs.convert import diarization_from_proto, diarization_to_proto, origin_to_proto
from locution_gateway.live.models import (
    Ack,
    Audio,
    ClientMessage,
    Done,
    Draining,
    EndpointMode,
    EngineReplaced,
    Finish,
    LiveConfig,
    LiveEncoding,
    LiveFinal,
    LiveId,
    LiveRequest,
    LiveSession,
    LiveState,
    Notice,
    Partial,
    RegionIgnored,
    Resume,
    ServerMessage,
    SpeakersKnown,
    SpeakersUnavailable,
    Speech,
    Started,
)
from locution_gateway.platform.convert import offset, seconds, timestamp
from locution_gateway.platform.names import Names

SESSIONS: Final = Names("liveSessions", LiveId, Reason.LIVE_SESSION_NOT_FOUND)


async def client_messages(requests: AsyncIterator[pb.StreamRequest]) -> AsyncIterator[ClientMessage]:
    """Yield the client's messages."""
    async for request in requests:
        yield _client_message(request)


def _client_message(request: pb.StreamRequest) -> ClientMessage:
    match request.WhichOneof("message"):
        case "start":
            return _start(request.start)
        case "audio":
            return Audio(request.audio.offset, request.audio.data)
        case "flush":
            return Flush()
        case "update":
            return _change(request.update)
        case _:
            return Finish()


def _start(start: pb.StreamStart) -> LiveRequest | Resume:
    if start.WhichOneof("session") == "resume":
        return Resume(start.resume.resume_token, start.resume.last_final_id)
    config = start.config
    return LiveRequest(
        encoding=LiveEncoding(_name(pb.LiveConfig.Encoding.Name(config.encoding), "ENCODING_")),
        sample_rate=config.sample_rate_hertz if config.HasField("sample_rate_hertz") else None,
        language=config.language if config.HasField("language") else None,
        asr_model=config.asr_model if config.HasField("asr_model") else None,
        prompt=config.prompt if config.HasField("prompt") else None,
        hotwords=tuple(config.hotwords),
        step=_seconds(config.step) if config.HasField("step") else None,
        silence=_seconds(config.endpoint_silence) if config.HasField("endpoint_silence") else None,
        longest=_seconds(config.longest_utterance) if config.HasField("longest_utterance") else None,
        partials=config.partials if config.HasField("partials") else None,
        afterwards=_afterwards(config.afterwards),
        display_name=config.display_name,
        diarization=diarization_from_proto(config.diarization),
        endpoint_mode=_endpoint_mode(config.endpoint_mode),
    )


def _afterwards(value: pb.LiveConfig.Afterwards.ValueType) -> Afterwards | None:
    if value == pb.LiveConfig.AFTERWARDS_UNSPECIFIED:
        return None
    return Afterwards(_name(pb.LiveConfig.Afterwards.Name(value), "AFTERWARDS_"))


def _endpoint_mode(value: pb.LiveConfig.EndpointMode.ValueType) -> EndpointMode | None:
    if value == pb.LiveConfig.ENDPOINT_MODE_UNSPECIFIED:
        return None
    return EndpointMode(_name(pb.LiveConfig.EndpointMode.Name(value), "ENDPOINT_MODE_"))


def _change(update: pb.StreamUpdate) -> ListenUpdate:
    return ListenUpdate(
        language=update.language if update.HasField("language") else None,
        prompt=update.prompt if update.HasField("prompt") else None,
        hotwords=tuple(update.vocabulary.hotwords) if update.HasField("vocabulary") else None,
    )


def server_message(message: ServerMessage) -> pb.StreamResponse:
    """Return a message to a client."""
    match message:
        case Started():
            return pb.StreamResponse(started=_started(message))
        case Partial():
            partial = pb.StreamPartial(
                utterance=message.utterance,
                confirmed=_words(message.confirmed),
                unstable=message.unstable,
                unstable_joined=message.joined,
            )
            return pb.StreamResponse(partial=partial)
        case LiveFinal():
            return pb.StreamResponse(final=_final(message))
        case Speech():
            return pb.StreamResponse(event=_event(message))
        case Ack():
            return pb.StreamResponse(ack=pb.StreamAck(offset=message.offset))
        case _:
            return _about_session(message)


def _about_session(
    message: SpeakersKnown | Notice | Done,
) -> pb.StreamResponse:
    match message:
        case SpeakersKnown():
            known = pb.StreamSpeakers(final_id=message.final_id, speakers=message.speakers, settled=message.settled)
            return pb.StreamResponse(speakers=known)
        case Draining() | EngineReplaced() | SpeakersUnavailable() | RegionIgnored():
            return pb.StreamResponse(notice=_notice(message))
        case Done():
            return pb.StreamResponse(done=_done(message.session))


def session_to_proto(session: LiveSession) -> pb.LiveSession:
    """Return a session."""
    return pb.LiveSession(
        name=SESSIONS.name(session.session_id),
        state=_state(session),
        config=_config(session),
        audio_duration=offset(session.audio_samples),
        final_count=session.last_final,
        job=_job(session),
        end_reason=session.end_reason,
        create_time=timestamp(session.create_time),
        end_time=None if session.end_time is None else timestamp(session.end_time),
        expire_time=timestamp(session.expire_time),
        config_origins={name: origin_to_proto(value) for name, value in session.config.origins.items()},
    )


def _state(session: LiveSession) -> pb.LiveSession.State.ValueType:
    if session.state is LiveState.OPEN:
        return pb.LiveSession.STATE_ACTIVE if session.attached else pb.LiveSession.STATE_DETACHED
    return pb.LiveSession.State.Value(f"STATE_{session.state.value}")


def _started(message: Started) -> pb.StreamStarted:
    return pb.StreamStarted(
        session=SESSIONS.name(message.session.session_id),
        resume_token=message.token,
        config=_config(message.session),
        next_offset=message.next_offset,
        resume_time=seconds(message.resume_seconds),
    )


def _final(final: LiveFinal) -> pb.StreamFinal:
    return pb.StreamFinal(
        id=final.final_id,
        utterance=final.final_id,
        start_offset=offset(final.start),
        end_offset=offset(final.end),
        text=final.text,
        words=_words(final.words),
        language=final.language,
    )


def _event(speech: Speech) -> pb.StreamEvent:
    kind = pb.StreamEvent.KIND_SPEECH_STARTED if speech.began else pb.StreamEvent.KIND_SPEECH_ENDED
    return pb.StreamEvent(kind=kind, offset=offset(speech.sample), utterance=speech.utterance)


def _notice(message: Notice) -> pb.StreamNotice:
    match message:
        case SpeakersUnavailable():
            return pb.StreamNotice(kind=pb.StreamNotice.KIND_SPEAKERS_UNAVAILABLE)
        case EngineReplaced():
            return pb.StreamNotice(kind=pb.StreamNotice.KIND_ENGINE_REPLACED)
        case RegionIgnored():
            return pb.StreamNotice(kind=pb.StreamNotice.KIND_LANGUAGE_REGION_IGNORED)
        case Draining():
            return pb.StreamNotice(kind=pb.StreamNotice.KIND_DRAINING, reconnect_before=timestamp(message.before))


def _done(session: LiveSession) -> pb.StreamDone:
    return pb.StreamDone(
        audio_duration=offset(session.audio_samples), final_count=session.last_final, job=_job(session)
    )


def _words(words: Iterable[Word]) -> list[pb.LiveWord]:
    return [
        pb.LiveWord(
            text=word.text,
            start_offset=offset(word.start),
            end_offset=offset(word.end),
            probability=word.probability,
            speaker=word.speaker,
            joined=not word.spaced,
        )
        for word in words
    ]


def _config(session: LiveSession) -> pb.LiveConfig:
    config: LiveConfig = session.config
    return pb.LiveConfig(
        encoding=pb.LiveConfig.Encoding.Value(f"ENCODING_{config.encoding.value}"),
        sample_rate_hertz=config.sample_rate,
        language=config.language,
        asr_model=config.asr_model.path,
        prompt=config.prompt,
        hotwords=config.hotwords,
        step=_length(config.step),
        endpoint_silence=_length(config.silence) if config.silence else None,
        longest_utterance=_length(config.longest) if config.longest else None,
        partials=config.partials,
        afterwards=pb.LiveConfig.Afterwards.Value(f"AFTERWARDS_{config.afterwards.value}"),
        display_name=session.display_name,
        diarization=diarization_to_proto(config.diarization),
        endpoint_mode=pb.LiveConfig.EndpointMode.Value(f"ENDPOINT_MODE_{config.endpoint_mode.value}"),
    )


def _length(samples: int) -> Duration:
    return offset(samples)


def _job(session: LiveSession) -> str | None:
    return None if session.job_id is None else f"jobs/{session.job_id}"


def _seconds(value: Duration) -> float:
    return value.ToTimedelta().total_seconds()


def _name(value: str, prefix: str) -> str:
    return value.removeprefix(prefix)
