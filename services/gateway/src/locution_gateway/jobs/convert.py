"""Jobs with their configurations, progress and events."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any, Final, TypeVar

from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.message import Message
from google.rpc import code_pb2
from google.rpc.error_details_pb2 import ErrorInfo
from google.rpc.status_pb2 import Status
from locution.v1 import job_config_pb2 as config_pb
from locution.v1 import job_service_pb2 as pb
from locution_common.errors import Reason, Refused
from locution_speech.asr import DecodeMode, Task

from locution_gateway.jobs.config import DiarizationConfig, DiarizationRequest, JobConfig, JobRequestConfig
from locution_gateway.jobs.create import JobDraft
from locution_gateway.jobs.estimate import Estimate
from locution_gateway.jobs.models import (
    EventKind,
    Failure,
    Job,
    JobChange,
    JobEvent,
    JobState,
    JobWarning,
    StageKind,
    StageProgress,
    WarningCode,
)
from locution_gateway.jobs.watch import cursor_of
from locution_gateway.media.models import AudioFormat, ChannelMode, Encoding, Media
from locution_gateway.platform.convert import duration, offset, refuse_others, seconds, timestamp
from locution_gateway.platform.etags import etag
from locution_gateway.platform.ids import JobId
from locution_gateway.platform.names import JOBS, UPLOADS, VOICES

T = TypeVar("T")

DOMAIN: Final = "locution"
SETTABLE: Final = frozenset({"upload", "config", "display_name", "tags", "priority"})
UPDATABLE: Final = frozenset({"name", "etag", "display_name", "tags", "priority"})

_log = logging.getLogger(__name__)


def draft(job: pb.Job, *, validate_only: bool = False) -> JobDraft:
    """Return a client's description of a new job. Refuses fields that clients cannot set with INVALID_REQUEST.

    Only one that is to be created requires an upload.
    """
    refuse_others(job, "job", SETTABLE)
    if not (job.upload or validate_only):
        raise Refused(Reason.INVALID_REQUEST, "a job requires an upload", field="job.upload")
    return JobDraft(
        upload_id=UPLOADS.id(job.upload) if job.upload else None,
        config=request_from_proto(job.config),
        display_name=job.display_name,
        tags=tuple(job.tags),
        priority=job.priority,
    )


def change(job: pb.Job) -> JobChange:
    """Return the values of an update. Refuses immutable fields with INVALID_REQUEST."""
    refuse_others(job, "job", UPDATABLE)
    return JobChange(job.display_name, tuple(job.tags), job.priority)


def job_to_proto(job: Job) -> pb.Job:
    """Return the public form of a job."""
    message = pb.Job(
        name=JOBS.name(job.job_id),
        display_name=job.display_name,
        state=pb.Job.State.Value(f"STATE_{job.state.value}"),
        upload=UPLOADS.name(job.upload_id) if job.upload_id else "",
        config=request_to_proto(job.requested),
        effective_config=config_to_proto(job.config),
        tags=job.tags,
        priority=job.priority,
        progress=pb.JobProgress(stages=map(progress_to_proto, job.progress)),
        warnings=map(warning_to_proto, job.warnings),
        error=None if job.error is None else status(job.error),
        audio_duration=None if job.audio_samples is None else offset(job.audio_samples),
        retry_of=None if job.retry_of is None else JOBS.name(job.retry_of),
        models=_models(job),
        create_time=timestamp(job.create_time),
        start_time=None if job.start_time is None else timestamp(job.start_time),
        end_time=None if job.end_time is None else timestamp(job.end_time),
        expire_time=None if job.expire_time is None else timestamp(job.expire_time),
        etag=etag(job.version),
        config_origins={name: origin_to_proto(origin) for name, origin in job.config.origins.items()},
    )
    if job.unreadable:
        for name in ("config", "effective_config", "models"):
            message.ClearField(name)
    if job.media is not None:
        message.media.CopyFrom(_media(job.media))
    if job.eta is not None:
        message.progress.eta.CopyFrom(duration(job.eta))
    if job.state is JobState.SUCCEEDED:
        message.transcript = f"{message.name}/transcript"
    if job.end_time is not None:
        message.metrics.CopyFrom(_metrics(job))
    return message


def origin_to_proto(origin: str) -> pb.ConfigOrigin.ValueType:
    """Return the origin of a value."""
    return pb.ConfigOrigin.Value(f"CONFIG_ORIGIN_{origin.upper()}")


def progress_to_proto(progress: StageProgress) -> pb.StageProgress:
    """Return the progress of a kind of stage."""
    return pb.StageProgress(
        kind=stage_kind(progress.kind),
        done_duration=offset(progress.done_samples),
        total_duration=None if progress.total_samples is None else offset(progress.total_samples),
        sections_done=progress.sections_done,
        sections_total=progress.sections_total,
        attempts=progress.attempts,
    )


def warning_to_proto(warning: JobWarning) -> pb.JobWarning:
    """Return a warning."""
    code = pb.JobWarning.Code.Value(f"CODE_{warning.code.value}")
    return pb.JobWarning(code=code, message=warning.message, reason=warning.reason)


def status(failure: Failure) -> Status:
    """Return the error of a job, in the form of a failed call's."""
    detail = AnyMessage()
    detail.Pack(ErrorInfo(reason=failure.reason, domain=DOMAIN))
    return Status(code=code_pb2.Code.Value(failure.reason.code), message=failure.message, details=[detail])


def stage_kind(kind: StageKind) -> pb.StageKind.ValueType:
    """Return a kind of stage."""
    return pb.StageKind.Value(f"STAGE_KIND_{kind.value}")


def event_to_proto(job_id: JobId, event: JobEvent) -> pb.JobEvent:
    """Return an event with its cursor; an unreadable one has nothing else."""
    message = pb.JobEvent(cursor=cursor_of(job_id, event.event_id), event_time=timestamp(event.event_time))
    try:
        _fill(message, event.kind, event.payload)
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError):
        _log.exception("a stored event is unreadable", extra={"job_id": str(job_id), "event_id": event.event_id})
        message.ClearField("event")
    return message


def _fill(message: pb.JobEvent, kind: EventKind, payload: dict[str, Any]) -> None:
    match kind:
        case EventKind.STATE_CHANGED:
            message.state_changed.CopyFrom(_state_changed(payload))
        case EventKind.STAGE_PROGRESS:
            progress = StageProgress(**payload | {"kind": StageKind(payload["kind"])})
            message.stage_progress.CopyFrom(progress_to_proto(progress))
        case EventKind.SECTION_FINISHED:
            message.section_finished.CopyFrom(_section_finished(payload))
        case EventKind.WARNING:
            warning = JobWarning(**payload | {"code": WarningCode(payload["code"])})
            message.warning.CopyFrom(warning_to_proto(warning))


def estimate_to_proto(estimate: Estimate) -> pb.EstimateJobResponse:
    """Return an estimate."""
    return pb.EstimateJobResponse(
        queue_position=estimate.backlog.jobs,
        queued_audio_duration=offset(estimate.backlog.samples),
        work_duration=None if estimate.work is None else duration(estimate.work),
        end_time=None if estimate.end_time is None else timestamp(estimate.end_time),
        quota_duration=None if estimate.quota is None else duration(estimate.quota),
        quota_remaining_duration=None if estimate.remaining is None else duration(estimate.remaining),
    )


def _state_changed(payload: dict[str, Any]) -> pb.JobStateChanged:
    message = pb.JobStateChanged(state=pb.Job.State.Value(f"STATE_{payload['state']}"))
    if error := payload.get("error"):
        message.error.CopyFrom(status(Failure(Reason(error["reason"]), error["message"])))
    return message


def _section_finished(payload: dict[str, Any]) -> pb.SectionFinished:
    return pb.SectionFinished(
        kind=stage_kind(StageKind(payload["kind"])),
        section=payload["section"],
        start_offset=offset(payload["start"]),
        end_offset=offset(payload["end"]),
    )


def _models(job: Job) -> Iterator[pb.JobModel]:
    chosen = {StageKind.TRANSCRIBE: job.config.asr_model}
    if job.config.diarization is not None:
        chosen[StageKind.DIARIZE] = job.config.diarization.model
    for kind, model in chosen.items():
        yield pb.JobModel(stage=stage_kind(kind), model=model.path, checksum=model.checksum)


def _media(media: Media) -> pb.Media:
    return pb.Media(
        container=media.container,
        duration=None if media.seconds is None else seconds(media.seconds),
        tracks=[
            pb.AudioTrack(
                index=index,
                codec=track.codec,
                sample_rate_hertz=track.rate,
                channels=track.channels,
                language=track.language,
                title=track.title,
                duration=seconds(track.seconds),
                default_track=track.is_default,
                used=track.used,
            )
            for index, track in enumerate(media.tracks)
        ],
    )


def _metrics(job: Job) -> pb.JobMetrics:
    begun = job.start_time or job.end_time or job.create_time
    message = pb.JobMetrics(
        queue_duration=duration(begun - job.create_time),
        run_duration=duration((job.end_time or begun) - begun),
        stages=[
            pb.StageWork(kind=stage_kind(stage.kind), work_duration=seconds(stage.work_seconds))
            for stage in job.progress
        ],
    )
    if "speaker_count" in job.metrics:
        message.speaker_count = int(job.metrics["speaker_count"])
    if "speech_samples" in job.metrics:
        message.speech_duration.CopyFrom(offset(int(job.metrics["speech_samples"])))
    return message


def request_from_proto(config: config_pb.JobConfig) -> JobRequestConfig:
    """Return a client's options."""
    return JobRequestConfig(
        language=_given(config, "language", str),
        language_candidates=tuple(config.language_candidates),
        task=Task(_member(config_pb.Task, config.task, "TASK_")) if config.task else None,
        asr_model=_given(config, "asr_model", str),
        prompt=_given(config, "prompt", str),
        hotwords=tuple(config.hotwords),
        beam_size=_given(config, "beam_size", int),
        word_times=_given(config, "word_times", bool),
        decode_mode=DecodeMode(_member(config_pb.DecodeMode, config.decode_mode, "DECODE_MODE_"))
        if config.decode_mode
        else None,
        max_temperature=_given(config, "max_temperature", float),
        diarization=diarization_from_proto(config.diarization),
        channel_mode=ChannelMode(_member(config_pb.ChannelMode, config.channel_mode, "CHANNEL_MODE_"))
        if config.channel_mode
        else None,
        audio_format=_format_from_proto(config.audio_format) if config.HasField("audio_format") else None,
        retention=config.retention.ToTimedelta() if config.HasField("retention") else None,
        track=_given(config, "track", str),
    )


def request_to_proto(config: JobRequestConfig) -> config_pb.JobConfig:
    """Return a client's options as requested."""
    message = config_pb.JobConfig(
        language=config.language,
        language_candidates=config.language_candidates,
        asr_model=config.asr_model,
        prompt=config.prompt,
        hotwords=config.hotwords,
        beam_size=config.beam_size,
        word_times=config.word_times,
        max_temperature=config.max_temperature,
        audio_format=_format_to_proto(config.audio_format),
        retention=None if config.retention is None else duration(config.retention),
        track=config.track,
    )
    _set_modes(message, config.task, config.decode_mode, config.channel_mode)
    wish = config.diarization
    if wish != DiarizationRequest():
        message.diarization.CopyFrom(
            config_pb.DiarizationConfig(
                enabled=wish.enabled,
                model=wish.model,
                speaker_count=wish.speaker_count,
                min_speaker_count=wish.min_speaker_count,
                max_speaker_count=wish.max_speaker_count,
                identify_voices=wish.identify_voices,
                voices=map(VOICES.name, wish.voices),
            )
        )
    return message


def config_to_proto(config: JobConfig) -> config_pb.JobConfig:
    """Return a frozen configuration."""
    message = config_pb.JobConfig(
        language=config.language,
        language_candidates=config.language_candidates,
        asr_model=config.asr_model.path,
        prompt=config.prompt or None,
        hotwords=config.hotwords,
        beam_size=config.beam_size,
        word_times=config.word_times,
        max_temperature=config.max_temperature,
        diarization=diarization_to_proto(config.diarization),
        audio_format=_format_to_proto(config.audio_format),
        retention=None if config.retention is None else duration(config.retention),
        track=config.track or None,
    )
    _set_modes(message, config.task, config.decode_mode, config.channel_mode)
    return message


def _set_modes(
    message: config_pb.JobConfig, task: Task | None, decode_mode: DecodeMode | None, channel_mode: ChannelMode | None
) -> None:
    if task is not None:
        message.task = config_pb.Task.Value(f"TASK_{task.value}")
    if decode_mode is not None:
        message.decode_mode = config_pb.DecodeMode.Value(f"DECODE_MODE_{decode_mode.value}")
    if channel_mode is not None:
        message.channel_mode = config_pb.ChannelMode.Value(f"CHANNEL_MODE_{channel_mode.value}")


def diarization_from_proto(config: config_pb.DiarizationConfig) -> DiarizationRequest:
    """Return a client's options for speakers."""
    return DiarizationRequest(
        enabled=_given(config, "enabled", bool),
        model=_given(config, "model", str),
        speaker_count=_given(config, "speaker_count", int),
        min_speaker_count=_given(config, "min_speaker_count", int),
        max_speaker_count=_given(config, "max_speaker_count", int),
        identify_voices=_given(config, "identify_voices", bool),
        voices=tuple(VOICES.id(name) for name in config.voices),
    )


def diarization_to_proto(config: DiarizationConfig | None) -> config_pb.DiarizationConfig:
    """Return the diarization of a job."""
    if config is None:
        return config_pb.DiarizationConfig(enabled=False)
    return config_pb.DiarizationConfig(
        enabled=True,
        model=config.model.path,
        speaker_count=config.speaker_count,
        min_speaker_count=config.min_speaker_count,
        max_speaker_count=config.max_speaker_count,
        identify_voices=config.voices is not None,
        voices=map(VOICES.name, config.voices or ()),
    )


def _format_from_proto(layout: config_pb.AudioFormat) -> AudioFormat:
    encoding = config_pb.AudioFormat.Encoding.Name(layout.encoding).removeprefix("ENCODING_")
    return AudioFormat(Encoding(encoding), layout.sample_rate_hertz, layout.channels)


def _format_to_proto(layout: AudioFormat | None) -> config_pb.AudioFormat | None:
    if layout is None:
        return None
    encoding = config_pb.AudioFormat.Encoding.Value(f"ENCODING_{layout.encoding.value}")
    return config_pb.AudioFormat(encoding=encoding, sample_rate_hertz=layout.sample_rate, channels=layout.channels)


def _given(message: Message, field: str, kind: type[T]) -> T | None:
    """Return an optional field, or None if unset."""
    if not message.HasField(field):
        return None
    value = getattr(message, field)
    return value if isinstance(value, kind) else kind(value)  # type: ignore[call-arg]


def _member(enum: Any, number: int, prefix: str) -> str:
    return str(enum.Name(number)).removeprefix(prefix)
