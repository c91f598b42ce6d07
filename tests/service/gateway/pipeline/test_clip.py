"""A short recording goes through the worker without a poll, and its audio from memory; a long one from the store."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from locution_gateway.jobs.models import Section
from locution_gateway.pipeline.models import SHORT
from locution_gateway.pipeline.recording import StoredRecording
from locution_speech.clock import SAMPLE_RATE

from tests.service.gateway.pipeline.test_worker import bucket, recording, s3, world
from tests.support.s3 import S3Server

__all__ = ["bucket", "s3"]

POLL = 60.0
"""Seconds, the most that the setting allows: longer than the test waits."""


@pytest.mark.parametrize(("seconds", "stored"), [(3, 0), (SHORT // SAMPLE_RATE + 1, 1)])
async def test_no_stage_waits_for_a_poll(
    gateway_database: str, s3: S3Server, bucket: str, monkeypatch: pytest.MonkeyPatch, seconds: int, stored: int
) -> None:
    reads: list[Section] = []
    read = StoredRecording.read

    async def counted(self: StoredRecording, key: str, channel: int, section: Section) -> AsyncIterator[bytes]:
        reads.append(section)
        async for data in read(self, key, channel, section):
            yield data

    monkeypatch.setattr(StoredRecording, "read", counted)
    cut: dict[str, Any] = {"section_seconds": 150, "section_max_seconds": 300}
    async with world(gateway_database, s3, bucket, poll_seconds=POLL, **cut) as here:
        job = await here.submit(recording(seconds), diarize=False)
        row = await here.ended(job)
        assert row["state"] == "SUCCEEDED"
        assert sum(here.speech.received) == seconds * SAMPLE_RATE
        assert len(reads) == stored
        stages = await here.owner.fetch("SELECT attempts FROM gateway.stages WHERE job_id = $1", job)
        assert [attempts for (attempts,) in stages] == [1, 1, 1]


async def test_speakers_of_a_short_recording_are_told_beside_its_text(
    gateway_database: str, s3: S3Server, bucket: str
) -> None:
    async with world(gateway_database, s3, bucket, poll_seconds=POLL) as here:
        job = await here.submit(recording(8))
        assert (await here.ended(job))["state"] == "SUCCEEDED"
        bodies = await here.owner.fetch("SELECT body FROM gateway.segments WHERE job_id = $1", job)
        assert {body["speaker"] for (body,) in bodies} == {"SPEAKER_00"}
