"""From a file to its transcript: upload, job, events, export."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from locution.reasons.v1.catalogue import Reason
from locution.v1 import job_config_pb2
from locution.v1 import job_service_pb2 as pb

from locution_client.client import Client
from locution_client.errors import JobFailed, raise_job_failure


@dataclass(frozen=True, slots=True)
class Options:
    """Options of a transcription; the server decides each option that is None."""

    language: str | None = None
    asr_model: str | None = None
    diarizer_model: str | None = None
    diarize: bool | None = None
    speakers: int | None = None
    min_speakers: int | None = None
    max_speakers: int | None = None
    identify: bool | None = None
    voices: tuple[str, ...] = ()

    def to_config(self) -> job_config_pb2.JobConfig:
        """Return the job's configuration."""
        return job_config_pb2.JobConfig(
            language=self.language,
            asr_model=self.asr_model,
            diarization=job_config_pb2.DiarizationConfig(
                enabled=self.diarize,
                model=self.diarizer_model,
                speaker_count=self.speakers,
                min_speaker_count=self.min_speakers,
                max_speaker_count=self.max_speakers,
                identify_voices=self.identify,
                voices=self.voices,
            ),
        )


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
    """Return the transcript of a file or stream in one of FORMATS; raise ApiError, JobFailed or OSError."""
    watcher = observer or Silent()
    job = await submit(client, path, options, watcher)
    await follow(client, job.name, watcher)
    return await client.transcripts.export(job.name, file_format)


async def submit(client: Client, path: Path, options: Options, observer: Observer) -> pb.Job:
    """Upload a file or a stream, and create its job."""
    upload = await client.uploads.send(path, sent=observer.uploading)
    job = await client.jobs.create(upload.name, options.to_config(), label=path.name)
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
