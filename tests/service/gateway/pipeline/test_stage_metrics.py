"""What the worker process measures of stages and decode children: real Postgres, real S3, a real decoding child."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from locution_gateway.jobs.models import StageKind
from locution_gateway.media.metrics import ChildMetrics
from locution_gateway.pipeline.metrics import StageMetrics
from prometheus_client import CollectorRegistry

from tests.service.gateway.pipeline.conftest import Queue, until
from tests.service.gateway.pipeline.test_stages import ALL
from tests.service.gateway.pipeline.test_worker import World, bucket, recording, s3, world
from tests.support.s3 import S3Server

__all__ = ["bucket", "s3"]

Read = Callable[..., float]


def reader(registry: CollectorRegistry) -> Read:
    """Return what reads a metric by its name after `locution_`."""
    return lambda name, **labels: registry.get_sample_value(f"locution_{name}", labels) or 0.0


def read(here: World) -> Read:
    return reader(here.worker.context.registry)


async def test_what_gave_a_result_is_measured_by_kind(gateway_database: str, s3: S3Server, bucket: str) -> None:
    async with world(gateway_database, s3, bucket) as here:
        assert (await here.ended(await here.submit(recording(35))))["state"] == "SUCCEEDED"
        metric = read(here)
        sections = len(here.speech.received)
        await until(lambda: _true(metric("stage_attempts_total", kind="join", outcome="done") == 1))
        for kind, count in {"decode": 1, "transcribe": sections, "diarize": sections, "cluster": 1, "join": 1}.items():
            assert metric("stage_attempts_total", kind=kind, outcome="done") == count
            assert metric("stage_seconds_count", kind=kind) == count
            assert metric("stage_seconds_sum", kind=kind) > 0
            assert metric("stage_audio_seconds_total", kind=kind) == 35
            assert metric("stages_running", kind=kind) == 0
        assert metric("stage_claims_total", kind="decode") == 1
        assert metric("decode_children_total", outcome="decoded") == 1


async def test_what_gave_none_is_measured_by_outcome_and_reason(
    gateway_database: str, s3: S3Server, bucket: str
) -> None:
    async with world(gateway_database, s3, bucket) as here:
        here.speech.plan = ["busy"] * 3 + ["die", "invalid"]
        await here.ended(await here.submit(recording(8), diarize=False))
        metric = read(here)
        outcomes = {
            outcome: metric("stage_attempts_total", kind="transcribe", outcome=outcome)
            for outcome in ("returned", "retried", "dead", "done")
        }
        assert outcomes == {"returned": 3, "retried": 1, "dead": 1, "done": 0}
        reasons = {
            reason: metric("stage_failures_total", kind="transcribe", reason=reason)
            for reason in ("ENGINE_OVERLOADED", "DEPENDENCY_UNAVAILABLE", "OPTION_UNSUPPORTED")
        }
        assert reasons == {"ENGINE_OVERLOADED": 3, "DEPENDENCY_UNAVAILABLE": 1, "OPTION_UNSUPPORTED": 1}


async def test_a_decode_child_that_refuses_its_media_is_measured(
    gateway_database: str, s3: S3Server, bucket: str
) -> None:
    async with world(gateway_database, s3, bucket) as here:
        await here.ended(await here.submit(b"no media, only text\n" * 99))
        metric = read(here)
        assert metric("decode_children_total", outcome="MEDIA_UNRECOGNISED") == 1
        assert metric("decode_children_total", outcome="decoded") == 0
        assert metric("stage_attempts_total", kind="decode", outcome="dead") == 1


async def test_a_stage_that_runs_and_is_cancelled_is_measured(gateway_database: str, s3: S3Server, bucket: str) -> None:
    async with world(gateway_database, s3, bucket, lease_seconds=1.0) as here:
        here.speech.plan = ["hang"]
        job = await here.submit(recording(8), diarize=False)
        metric = read(here)
        await until(lambda: _true(bool(here.speech.received)))
        assert metric("stages_running", kind="transcribe") == 1
        await here.owner.execute("UPDATE gateway.jobs SET cancel_requested = true WHERE job_id = $1", job)
        await here.ended(job)
        await until(lambda: _true(metric("stage_attempts_total", kind="transcribe", outcome="cancelled") == 1))
        await until(lambda: _true(metric("stages_running", kind="transcribe") == 0))


async def test_a_lost_lease_is_measured(gateway_database: str, s3: S3Server, bucket: str) -> None:
    async with world(gateway_database, s3, bucket, lease_seconds=1.0) as here:
        here.speech.plan = ["hang"]
        await here.submit(recording(8), diarize=False)
        metric = read(here)
        await until(lambda: _true(bool(here.speech.received)))
        await here.owner.execute("UPDATE gateway.stages SET lease_token = gen_random_uuid() WHERE state = 'LEASED'")
        await until(lambda: _true(metric("stage_attempts_total", kind="transcribe", outcome="lost") == 1))


async def test_a_drained_stage_is_released(gateway_database: str, s3: S3Server, bucket: str) -> None:
    async with world(gateway_database, s3, bucket) as here:
        here.speech.plan = ["hang"]
        await here.submit(recording(8), diarize=False)
        metric = read(here)
        await until(lambda: _true(bool(here.speech.received)))
    assert metric("stage_attempts_total", kind="transcribe", outcome="released") == 1
    assert metric("stage_failures_total", kind="transcribe", reason="DEPENDENCY_UNAVAILABLE") == 0


def test_what_alerts_count_is_there_before_it_happens() -> None:
    registry = CollectorRegistry()
    StageMetrics(registry)
    ChildMetrics(registry)
    assert registry.get_sample_value("locution_stage_attempts_total", {"kind": "join", "outcome": "dead"}) == 0
    assert registry.get_sample_value("locution_stage_leases_expired_total", {"kind": "transcribe"}) == 0
    assert registry.get_sample_value("locution_decode_children_total", {"outcome": "MEDIA_DECODER_CRASHED"}) == 0


async def test_what_silent_workers_held_is_measured_by_kind(queue: Queue) -> None:
    registry = CollectorRegistry()
    metrics, metric = StageMetrics(registry), reader(registry)
    await queue.job()
    assert await queue.stages.claim("silent", timedelta(seconds=-1), ALL)
    await queue.job()
    assert await queue.stages.claim("alive", timedelta(minutes=1), ALL)
    assert await queue.stages.reap(5, timedelta(), 10, metrics.expired) == 1
    assert metric("stage_leases_expired_total", kind="decode") == 1
    assert sum(metric("stage_leases_expired_total", kind=kind.lower()) for kind in StageKind) == 1


async def _true(value: bool) -> bool:
    return value
