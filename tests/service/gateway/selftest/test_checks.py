"""The checks of `helm test` against a real api: what fails them, what they say then, and that they clean up in any case."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import grpc
import pytest
from locution.v1.job_service_pb2 import ListJobsRequest
from locution.v1.job_service_pb2_grpc import JobServiceStub
from locution.v1.upload_service_pb2 import ListUploadsRequest
from locution.v1.upload_service_pb2_grpc import UploadServiceStub
from locution_gateway.jobs.models import StageKind
from locution_gateway.selftest import accounts, checks
from locution_gateway.selftest.command import run_selftest
from locution_gateway.selftest.settings import HealthCheckSettings, WorkCheckSettings

from tests.service.common.conftest import serve_echo
from tests.service.gateway.conftest import KEY, Gateway
from tests.service.gateway.hand_worker import HandWorker

Work = Callable[[HandWorker], Awaitable[object]]


def settings_of(gateway: Gateway) -> WorkCheckSettings:
    """Return the settings of a check of an api."""
    return WorkCheckSettings.model_validate(
        {"address": gateway.running.address, "bootstrap_key": KEY, "environment": "local"}
    )


@pytest.fixture
def checked(gateway: Gateway) -> WorkCheckSettings:
    """The settings of the checks of an api with models."""
    return settings_of(gateway)


async def left_over(settings: WorkCheckSettings) -> int:
    """Return how many uploads and jobs the tenant of the checks has."""
    async with accounts.tenant(settings, checks.TENANT) as channel:
        uploads = await UploadServiceStub(channel).ListUploads(ListUploadsRequest())
        jobs = await JobServiceStub(channel).ListJobs(ListJobsRequest())
    return len(uploads.uploads) + len(jobs.jobs)


async def job(settings: WorkCheckSettings, worker: HandWorker, work: Work) -> str:
    """Run the check `job`, and let a worker do its work once there is some."""
    running = asyncio.create_task(checks.job(settings))
    while not running.done():
        try:
            await work(worker)
        except AssertionError:
            await asyncio.sleep(0.05)  # nothing waits yet
        else:
            break
    return await running


async def test_a_job_with_text_passes(checked: WorkCheckSettings, worker: HandWorker) -> None:
    said = await job(checked, worker, lambda worker: worker.run(1))
    assert said == "transcribed: 'sentence 0.', 1 speakers"
    assert await left_over(checked) == 0


async def test_a_job_that_fails_is_told_and_deleted(checked: WorkCheckSettings, worker: HandWorker) -> None:
    with pytest.raises(checks.CheckFailed, match=r"the job ended as STATE_FAILED: it broke"):
        await job(checked, worker, lambda worker: worker.fail(StageKind.DECODE))
    assert await left_over(checked) == 0


async def test_a_job_without_text_fails_the_check(checked: WorkCheckSettings, worker: HandWorker) -> None:
    async def hear_nothing(worker: HandWorker) -> None:
        await worker.decode(1)
        await worker.transcribe()
        await worker.diarize()
        await worker.diarize()
        await worker.join(0)

    with pytest.raises(checks.CheckFailed, match="the job found no text in speech"):
        await job(checked, worker, hear_nothing)
    assert await left_over(checked) == 0


async def test_a_check_that_is_stopped_leaves_nothing(checked: WorkCheckSettings) -> None:
    running = asyncio.create_task(checks.job(checked))
    while await left_over(checked) < 2:
        assert not running.done()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert await left_over(checked) == 0


async def test_without_a_model_the_reason_is_told(gateway: Gateway) -> None:
    gateway.registry.models.clear()
    settings = settings_of(gateway)
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await checks.job(settings)
    assert checks.described(refused.value) == "FAILED_PRECONDITION: no usable model is registered"
    assert await left_over(settings) == 0


async def test_tenants_are_apart_also_when_they_are_there_already(checked: WorkCheckSettings) -> None:
    for _ in range(2):
        assert await checks.tenants(checked) == "another tenant and a caller without a key are refused"
    assert await left_over(checked) == 0


async def test_a_wall_that_lets_through_fails_the_check(
    checked: WorkCheckSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checks, "FOREIGN_TENANT", checks.TENANT)
    with pytest.raises(checks.CheckFailed, match="a call that should end as NOT_FOUND was answered"):
        await checks.tenants(checked)


async def test_health_waits_and_names_those_that_are_not_healthy() -> None:
    async def unreachable() -> None:
        raise ConnectionError("postgres is away")

    async with serve_echo() as well, serve_echo(service={"probes": {"postgres": unreachable}}) as ill:
        named = f"asr={well.running.address}, registry={ill.running.address}, worker=127.0.0.1:1"
        asked = {"address": well.running.address, "selftest_seconds": 3, "environment": "local"}
        settings = HealthCheckSettings.model_validate({**asked, "selftest_health": named})
        with pytest.raises(checks.CheckFailed) as failed:
            await checks.health(settings)
        assert str(failed.value).startswith("not healthy: registry: NOT_SERVING; worker: UNAVAILABLE: ")
        one = HealthCheckSettings.model_validate({**asked, "selftest_health": f"asr={well.running.address}"})
        assert await checks.health(one) == "healthy: api, asr"


@pytest.mark.parametrize("text", ["asr", "asr=", "=host:1", "asr=host:1,worker", "asr=host:port", "asr=host:70000"])
def test_what_is_asked_must_have_a_name_and_an_address(text: str) -> None:
    with pytest.raises(ValueError, match="is not NAME=host:port"):
        HealthCheckSettings.model_validate({"address": "api:1", "selftest_health": text})


@pytest.mark.parametrize(("arguments", "code"), [(["--help"], 0), ([], 2), (["everything"], 2)])
def test_the_command_shows_its_checks(arguments: list[str], code: int, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_selftest(arguments) == code
    printed = capsys.readouterr()
    assert "a recording becomes text while it is spoken" in (printed.err if code else printed.out)
