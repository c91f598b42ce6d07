"""The worker process as it is shipped: real Postgres, real S3, a real decoding child; engines that obey the test."""

from __future__ import annotations

import asyncio
import hashlib
import io
import wave
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

import asyncpg
import numpy as np
import pytest
from locution_common.objects import open_store
from locution_common.service import Running, serving
from locution_gateway.jobs.config import JobRequestConfig
from locution_gateway.jobs.postgres import rows
from locution_gateway.platform.ids import JobId, new_id
from locution_gateway.settings import WorkerSettings
from locution_gateway.worker import start

from tests.service.gateway.pipeline import fake_engines
from tests.service.gateway.pipeline.conftest import config, owner, tenant, until
from tests.service.gateway.pipeline.fake_engines import Behaviour
from tests.support.s3 import S3Server, bucket, s3

__all__ = ["bucket", "s3"]

TENANT = tenant(7)
OBJECT = "INSERT INTO gateway.objects VALUES ($1, $2, 'test', $3, $4, $5)"
STAGE = """
INSERT INTO gateway.stages (stage_id, job_id, tenant_id, kind, state) VALUES ($1, $2, $3, 'DECODE', 'READY')
"""


def recording(seconds: float) -> bytes:
    """Bursts of noise with pauses between them, as WAV."""
    rate = 16_000
    noise = np.random.default_rng(7).normal(0, 3000, int(rate * seconds))
    noise[(np.arange(noise.size) // (rate // 2)) % 3 == 2] = 0
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(noise.astype("<i2").tobytes())
    return out.getvalue()


@dataclass
class World:
    """A worker with its surroundings."""

    owner: asyncpg.Connection[Any]
    store: Any
    speech: Behaviour
    speakers: Behaviour
    worker: Running[WorkerSettings]

    async def submit(
        self,
        media: bytes,
        *,
        state: str = "READY",
        diarize: bool = True,
        voices: tuple[UUID, ...] | None = None,
        tenant_id: UUID = TENANT,
    ) -> JobId:
        """Put an upload and its job there, as the api does."""
        wanted = config(diarize)
        if wanted.diarization is not None:
            wanted = replace(wanted, diarization=replace(wanted.diarization, voices=voices))
        upload, job, key = new_id(), JobId(new_id()), f"{tenant_id.hex}/uploads/{new_id().hex}"
        await self.store.put(key, media)
        object_id = new_id()
        digest = hashlib.sha256(media).hexdigest()
        await self.owner.execute(
            OBJECT,
            object_id,
            tenant_id,
            key,
            len(media),
            digest,
        )
        await self.owner.execute(
            """INSERT INTO gateway.uploads (upload_id, tenant_id, created_by, state, object_key, object_id, expire_time)
               VALUES ($1, $2, 'test', $3, $4, $5, now() + interval '1 day')""",
            upload, tenant_id, state, key, object_id if state == "READY" else None,
        )  # fmt: skip
        await self.owner.execute(
            """INSERT INTO gateway.jobs (job_id, tenant_id, created_by, state, upload_id, requested_config,
                   effective_config) VALUES ($1, $2, 'test', 'QUEUED', $3, $4, $5)""",
            job, tenant_id, upload, rows.REQUEST.dump(JobRequestConfig()), rows.CONFIG.dump(wanted),
        )  # fmt: skip
        await self.owner.execute(
            STAGE,
            new_id(), job, tenant_id,
        )  # fmt: skip
        await self.owner.execute("SELECT pg_notify('locution_stages', '')")
        return job

    async def ended(self, job: JobId, seconds: float = 20) -> asyncpg.Record:
        """Wait for the job's terminal state and return its row."""

        async def terminal() -> bool:
            state = await self.owner.fetchval("SELECT state FROM gateway.jobs WHERE job_id = $1", job)
            return state in ("SUCCEEDED", "FAILED", "CANCELLED")

        await until(terminal, seconds)
        return await self.owner.fetchrow("SELECT * FROM gateway.jobs WHERE job_id = $1", job)


@asynccontextmanager
async def world(database: str, s3: S3Server, bucket: str, **changes: Any) -> AsyncIterator[World]:
    speech, speakers = Behaviour(), Behaviour()
    async with fake_engines.serving(speech, speakers) as engines, owner(database) as connection:
        store_settings = s3.settings(bucket)
        values = {
            "listen": "127.0.0.1:0", "database_url": database.replace("postgres@", "locution_worker@"),
            "registry_address": engines, "asr_address": engines, "diarizer_address": engines,
            "service_token": "service-token-of-the-tests", "retry_seconds": 0.05, "poll_seconds": 0.2,
            "section_seconds": 10, "section_min_seconds": 5, "section_max_seconds": 20, "shutdown_grace": 2.0,
            **store_settings.model_dump(), **changes,
        }  # fmt: skip
        settings = WorkerSettings(**values)
        async with open_store(store_settings) as store, serving(settings, start, name="worker") as worker:
            yield World(connection, store, speech, speakers, worker)


async def test_a_recording_becomes_a_transcript(gateway_database: str, s3: S3Server, bucket: str) -> None:
    async with world(gateway_database, s3, bucket) as here:
        job = await here.submit(recording(35))
        row = await here.ended(job)
        assert (row["state"], row["audio_samples"], row["pcm_key"]) == ("SUCCEEDED", 35 * 16_000, None)
        assert sum(here.speech.received) == 35 * 16_000
        assert len(here.speech.received) > 2
        bodies = await here.owner.fetch("SELECT body FROM gateway.segments WHERE job_id = $1 ORDER BY position", job)
        assert {body["speaker"] for (body,) in bodies} == {"SPEAKER_00"}
        assert bodies[-1]["body"]["end"] == 35 * 16_000
        assert await here.owner.fetchval("SELECT count(*) FROM gateway.deletions WHERE object_key LIKE '%/pcm/'") > 0


async def test_a_busy_engine_uses_no_attempt(gateway_database: str, s3: S3Server, bucket: str) -> None:
    async with world(gateway_database, s3, bucket) as here:
        here.speech.plan = ["busy"] * 6 + ["unavailable"] * 2
        row = await here.ended(await here.submit(recording(8), diarize=False))
        assert row["state"] == "SUCCEEDED"
        attempts = await here.owner.fetchval("SELECT max(attempts) FROM gateway.stages WHERE kind = 'TRANSCRIBE'")
        assert attempts == 1


async def test_an_engine_that_dies_in_the_middle_is_tried_again(
    gateway_database: str, s3: S3Server, bucket: str
) -> None:
    async with world(gateway_database, s3, bucket) as here:
        here.speech.plan = ["die", "early"]
        row = await here.ended(await here.submit(recording(8), diarize=False))
        assert row["state"] == "SUCCEEDED"
        assert await here.owner.fetchval("SELECT max(attempts) FROM gateway.stages WHERE kind = 'TRANSCRIBE'") == 3


async def test_an_engine_that_hangs_counts_as_lost(gateway_database: str, s3: S3Server, bucket: str) -> None:
    async with world(gateway_database, s3, bucket, engine_stall_seconds=1.0) as here:
        here.speech.plan = ["hang"]
        row = await here.ended(await here.submit(recording(8), diarize=False))
        assert row["state"] == "SUCCEEDED"


async def test_failed_diarization_leaves_the_transcript(gateway_database: str, s3: S3Server, bucket: str) -> None:
    async with world(gateway_database, s3, bucket) as here:
        here.speakers.plan = ["invalid"] * 9
        row = await here.ended(await here.submit(recording(8)))
        assert row["state"] == "SUCCEEDED"
        assert [(w["code"], w["reason"]) for w in row["warnings"]] == [("DIARIZATION_UNAVAILABLE", "MODEL_NOT_USABLE")]


async def test_a_section_that_fails_for_good_stands_in_the_coverage(
    gateway_database: str, s3: S3Server, bucket: str
) -> None:
    async with world(gateway_database, s3, bucket) as here:
        here.speech.plan = ["invalid"]
        job = await here.submit(recording(25), diarize=False)
        row = await here.ended(job)
        assert (row["state"], row["warnings"][0]["code"]) == ("SUCCEEDED", "SECTION_FAILED")
        summary = await here.owner.fetchval("SELECT summary FROM gateway.transcripts WHERE job_id = $1", job)
        assert {span["outcome"] for span in summary["coverage"]} == {"TRANSCRIBED", "FAILED"}
        spans = summary["coverage"]
        assert (spans[0]["start"], spans[-1]["end"]) == (0, 25 * 16_000)


@pytest.mark.parametrize(
    ("media", "reason"), [(b"no media, only text\n" * 99, "MEDIA_UNRECOGNISED"), (b"", "MEDIA_EMPTY")]
)
async def test_bad_media_fails_its_own_job_alone(
    gateway_database: str, s3: S3Server, bucket: str, media: bytes, reason: str
) -> None:
    async with world(gateway_database, s3, bucket) as here:
        bad, good = await here.submit(media), await here.submit(recording(3))
        row = await here.ended(bad)
        assert (row["state"], row["error"]["reason"]) == ("FAILED", reason)
        assert (await here.ended(good))["state"] == "SUCCEEDED"


async def test_cancelling_frees_the_engine(gateway_database: str, s3: S3Server, bucket: str) -> None:
    async with world(gateway_database, s3, bucket, lease_seconds=1.0) as here:
        here.speech.plan = ["hang"]
        job = await here.submit(recording(8), diarize=False)
        await until(lambda: _true(bool(here.speech.received)))
        await here.owner.execute("UPDATE gateway.jobs SET cancel_requested = true WHERE job_id = $1", job)
        row = await here.ended(job)
        assert row["state"] == "CANCELLED"
        await until(lambda: _true(here.speech.cancelled == 1))


async def test_a_drained_worker_gives_its_stages_back_without_an_attempt(
    gateway_database: str, s3: S3Server, bucket: str
) -> None:
    async with world(gateway_database, s3, bucket) as here:
        here.speech.plan = ["hang"]
        await here.submit(recording(8), diarize=False)
        await until(lambda: _true(bool(here.speech.received)))
    async with owner(gateway_database) as connection:
        row = await connection.fetchrow("SELECT state, attempts FROM gateway.stages WHERE kind = 'TRANSCRIBE'")
    assert tuple(row) == ("READY", 0)


async def test_a_verifying_upload_is_waited_for(gateway_database: str, s3: S3Server, bucket: str) -> None:
    async with world(gateway_database, s3, bucket) as here:
        job = await here.submit(recording(3), state="VERIFYING")
        await asyncio.sleep(0.5)
        assert await here.owner.fetchval("SELECT state FROM gateway.jobs WHERE job_id = $1", job) == "RUNNING"
        await here.owner.execute(
            "UPDATE gateway.uploads SET state = 'READY', object_id = (SELECT object_id FROM gateway.objects)"
        )
        assert (await here.ended(job))["state"] == "SUCCEEDED"


async def test_a_database_that_comes_back_finds_the_worker_at_work(
    gateway_database: str, postgres: Any, s3: S3Server, bucket: str
) -> None:
    async with world(gateway_database, s3, bucket) as here:
        postgres.stop()
        postgres.start()
        async with owner(gateway_database) as fresh:
            here.owner = fresh
            assert (await here.ended(await here.submit(recording(3)), 30))["state"] == "SUCCEEDED"


async def _true(value: bool) -> bool:
    return value


VOICE = """
WITH tenant AS (
    INSERT INTO gateway.tenants (tenant_id, name, created_by) VALUES ($2, 'voices', 'test') ON CONFLICT DO NOTHING
)
INSERT INTO gateway.voices (voice_id, tenant_id, created_by, display_name, model, checksum, embedding)
VALUES ($1, $2, 'test', $3, 'pyannote/x', $4, $5)
"""


async def test_speakers_are_named_by_voices_of_their_model(gateway_database: str, s3: S3Server, bucket: str) -> None:
    ada, stranger, foreign, deleted = (new_id() for _ in range(4))
    async with world(gateway_database, s3, bucket) as running:
        await running.owner.execute(VOICE, ada, TENANT, "Ada", "0" * 64, [3.0, 4.0])
        await running.owner.execute(VOICE, stranger, TENANT, "Somebody else", "0" * 64, [-0.8, 0.6])
        await running.owner.execute(VOICE, foreign, TENANT, "Of another model", "1" * 64, [0.6, 0.8])
        job = await running.submit(recording(30), voices=(deleted, foreign, stranger, ada))
        assert (await running.ended(job))["state"] == "SUCCEEDED"
        summary = await running.owner.fetchval("SELECT summary FROM gateway.transcripts WHERE job_id = $1", job)
        (speaker,) = summary["speakers"]
        assert (speaker["label"], speaker["voice"], speaker["display_name"]) == ("SPEAKER_00", str(ada), "Ada")
        unnamed = await running.submit(recording(28))
        assert (await running.ended(unnamed))["state"] == "SUCCEEDED"
        summary = await running.owner.fetchval("SELECT summary FROM gateway.transcripts WHERE job_id = $1", unnamed)
        assert [each["voice"] for each in summary["speakers"]] == [None]
