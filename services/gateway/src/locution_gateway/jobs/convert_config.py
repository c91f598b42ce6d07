"""Job configurations."""

from __future__ import annotations

from typing import Any, TypeVar

from google.protobuf.message import Message
from locution.v1 import job_config_pb2 as pb
from locution_speech.asr import DecodeMode, Task

from locution_gateway.jobs.config import DiarizationConfig, DiarizationRequest, JobConfig, JobRequestConfig
from locution_gateway.media.models import AudioFormat, ChannelMode, Encoding
from locution_gateway.platform.convert import duration
from locution_gateway.platform.names import VOICES

T = TypeVar("T")


def request_from_proto(config: pb.JobConfig) -> JobRequestConfig:
    """Return what a client asked for."""
    return JobRequestConfig(
        language=_given(config, "language", str),
        language_candidates=tuple(config.language_candidates),
        task=Task(_member(pb.Task, config.task, "TASK_")) if config.task else None,
        asr_model=_given(config, "asr_model", str),
        prompt=_given(config, "prompt", str),
        hotwords=tuple(config.hotwords),
        beam_size=_given(config, "beam_size", int),
        word_times=_given(config, "word_times", bool),
        decode_mode=DecodeMode(_member(pb.DecodeMode, config.decode_mode, "DECODE_MODE_"))
        if config.decode_mode
        else None,
        max_temperature=_given(config, "max_temperature", float),
        diarization=diarization_from_proto(config.diarization),
        channel_mode=ChannelMode(_member(pb.ChannelMode, config.channel_mode, "CHANNEL_MODE_"))
        if config.channel_mode
        else None,
        audio_format=_format_from_proto(config.audio_format) if config.HasField("audio_format") else None,
        retention=config.retention.ToTimedelta() if config.HasField("retention") else None,
    )


def request_to_proto(config: JobRequestConfig) -> pb.JobConfig:
    """Return what a client asked for, as it asked."""
    message = pb.JobConfig(
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
    )
    _set_modes(message, config.task, config.decode_mode, config.channel_mode)
    wish = config.diarization
    if wish != DiarizationRequest():
        message.diarization.CopyFrom(
            pb.DiarizationConfig(
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


def config_to_proto(config: JobConfig) -> pb.JobConfig:
    """Return a frozen configuration."""
    message = pb.JobConfig(
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
    )
    _set_modes(message, config.task, config.decode_mode, config.channel_mode)
    return message


def _set_modes(
    message: pb.JobConfig, task: Task | None, decode_mode: DecodeMode | None, channel_mode: ChannelMode | None
) -> None:
    if task is not None:
        message.task = pb.Task.Value(f"TASK_{task.value}")
    if decode_mode is not None:
        message.decode_mode = pb.DecodeMode.Value(f"DECODE_MODE_{decode_mode.value}")
    if channel_mode is not None:
        message.channel_mode = pb.ChannelMode.Value(f"CHANNEL_MODE_{channel_mode.value}")


def diarization_from_proto(config: pb.DiarizationConfig) -> DiarizationRequest:
    """Return what a client asked about speakers."""
    return DiarizationRequest(
        enabled=_given(config, "enabled", bool),
        model=_given(config, "model", str),
        speaker_count=_given(config, "speaker_count", int),
        min_speaker_count=_given(config, "min_speaker_count", int),
        max_speaker_count=_given(config, "max_speaker_count", int),
        identify_voices=_given(config, "identify_voices", bool),
        voices=tuple(VOICES.id(name) for name in config.voices),
    )


def diarization_to_proto(config: DiarizationConfig | None) -> pb.DiarizationConfig:
    """Return how speakers are told apart."""
    if config is None:
        return pb.DiarizationConfig(enabled=False)
    return pb.DiarizationConfig(
        enabled=True,
        model=config.model.path,
        speaker_count=config.speaker_count,
        min_speaker_count=config.min_speaker_count,
        max_speaker_count=config.max_speaker_count,
        identify_voices=config.voices is not None,
        voices=map(VOICES.name, config.voices or ()),
    )


def _format_from_proto(layout: pb.AudioFormat) -> AudioFormat:
    encoding = pb.AudioFormat.Encoding.Name(layout.encoding).removeprefix("ENCODING_")
    return AudioFormat(Encoding(encoding), layout.sample_rate_hertz, layout.channels)


def _format_to_proto(layout: AudioFormat | None) -> pb.AudioFormat | None:
    if layout is None:
        return None
    encoding = pb.AudioFormat.Encoding.Value(f"ENCODING_{layout.encoding.value}")
    return pb.AudioFormat(encoding=encoding, sample_rate_hertz=layout.sample_rate, channels=layout.channels)


def _given(message: Message, field: str, kind: type[T]) -> T | None:
    """Return an optional field, None where the client left it unset."""
    if not message.HasField(field):
        return None
    value = getattr(message, field)
    return value if isinstance(value, kind) else kind(value)  # type: ignore[call-arg]


def _member(enum: Any, number: int, prefix: str) -> str:
    return str(enum.Name(number)).removeprefix(prefix)
