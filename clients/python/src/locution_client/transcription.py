"""From a file to its transcript: upload, job, events, export."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Protocol

from locution.reasons.v1.catalogue import Reason
from locution.v1 import job_config_pb2 as pb_config
from locution.v1 import job_service_pb2 as pb

from locution_client.client import Client
from locution_client.errors import JobFailed, raise_job_failure


@dataclass(frozen=True, slots=True)
class Options:
    """Options of a transcription; your settings, your tenant's or the server decide each that is None or empty.

    Values, bounds and defaults are those of `locution.v1.JobConfig` and of the job's tags and priority.
    """

    language: str | None = None
    asr_model: str | None = None
    diarizer_model: str | None = None
    diarize: bool | None = None
    speakers: int | None = None
    min_speakers: int | None = None
    max_speakers: int | None = None
    identify: bool | None = None
    voices: Sequence[str] = ()
    task: pb_config.Task.ValueType | None = None
    language_candidates: Sequence[str] = ()
    prompt: str | None = None
    hotwords: Sequence[str] = ()
    channel_mode: pb_config.ChannelMode.ValueType | None = None
    track: str | None = None
    audio_format: pb_config.AudioFormat | None = None
    decode_mode: pb_config.DecodeMode.ValueType | None = None
    beam_size: int | None = None
    max_temperature: float | None = None
    word_times: bool | None = None
    retention: timedelta | None = None
    tags: Sequence[str] = ()
    priority: int = 0

    def to_config(self) -> pb_config.JobConfig:
        """Return the job's configuration."""
        config = pb_config.JobConfig(
            language=self.language,
            language_candidates=self.language_candidates,
            task=self.task,
            asr_model=self.asr_model,
            prompt=self.prompt,
            hotwords=self.hotwords,
            beam_size=self.beam_size,
            word_times=self.word_times,
            decode_mode=self.decode_mode,
            max_temperature=self.max_temperature,
            channel_mode=self.channel_mode,
            track=self.track,
            audio_format=self.audio_format,
            diarization=pb_config.DiarizationConfig(
                enabled=self.diarize,
                model=self.diarizer_model,
                speaker_count=self.speakers,
                min_speaker_count=self.min_speakers,
                max_speaker_count=self.max_speakers,
                identify_voices=self.identify,
                voices=self.voices,
            ),
        )
        if self.retention is not None:
            config.retention.FromTimedelta(self.retention)
        return config


class Observer(Protocol):
    """Receives the progress of a file; its methods return at once."""

    def uploading(self, sent: int, total: int | None) -> None:
        """Bytes were sent; the total of a stream is None."""

    def created(self, job: pb.Job) -> None:
        """The job exists: from now on it continues without the client."""

    def happened(self, event: pb.JobEvent) -> None:
        """Something happened to the job."""


async def transcribe(
    client: Client, path: Path, options: Options, *, file_format: str = "json", observer: Observer | None = None
) -> bytes:
    """Return the transcript of a file or stream in one of FORMATS; raise ApiError, JobFailed or OSError.

    Wrong options are refused before anything is sent.
    """
    await check(client, options)
    watcher = observer or Silent()
    job = await submit(client, path, options, watcher)
    await follow(client, job.name, watcher)
    return await client.transcripts.export(job.name, file_format)


async def check(client: Client, options: Options) -> None:
    """Let the server check the options, without a recording. Raises ApiError."""
    await client.jobs.check(options.to_config(), tags=options.tags, priority=options.priority)


async def submit(client: Client, path: Path, options: Options, observer: Observer) -> pb.Job:
    """Upload a file or a stream, and create its job."""
    upload = await client.uploads.send(path, sent=observer.uploading)
    job = await client.jobs.create(
        upload.name, options.to_config(), label=path.name, tags=options.tags, priority=options.priority
    )
    observer.created(job)
    return job


async def follow(client: Client, name: str, observer: Observer) -> pb.Job:
    """Watch a job to its end and return it. Raises JobFailed if it has no transcript."""
    async for event in client.jobs.watch(name):
        observer.happened(event)
    job = await client.jobs.get(name)
    if job.state == pb.Job.STATE_FAILED:
        raise_job_failure(name, job.error)
    if job.state == pb.Job.STATE_CANCELLED:
        raise JobFailed(Reason.JOB_CANCELLED.code, Reason.JOB_CANCELLED.message, Reason.JOB_CANCELLED)
    return job


class Silent:
    """Observe nothing."""

    def uploading(self, sent: int, total: int | None) -> None:
        """Do nothing."""

    def created(self, job: pb.Job) -> None:
        """Do nothing."""

    def happened(self, event: pb.JobEvent) -> None:
        """Do nothing."""
