"""Which modules a CreateJob passes from the servicer to the database and back, measured while one runs."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from types import FrameType
from typing import Any, Final

import pytest
from locution.v1 import job_service_pb2 as pb
from locution_gateway.jobs.servicer import Jobs

from tests.service.gateway.conftest import Serve

GATEWAY: Final = "locution_gateway."

PATH: Final = (
    "jobs.servicer",
    "jobs.convert",
    "jobs.create",
    "jobs.configure",
    "jobs.postgres.jobs",
    "jobs.postgres.rows",
)
"""What the job passes through, from the request to its rows and back."""

ASKED: Final = (
    "jobs.defaults",  # the preferences of the caller and the settings of the tenant
    "jobs.postgres.defaults",
    "models.registry",  # which models there are
    "voices.choose",  # which voices to look for
    "quotas.postgres.guard",  # what the tenant may still use
    "quotas.postgres.quotas",
    "jobs.postgres.events",  # the job's first event
)
"""Whom the path asks or tells on its way."""

VALUES: Final = ("jobs.models",)
"""What is passed, where it has functions of its own."""


@pytest.fixture
def passed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The gateway's modules, outside of platform, whose functions ran inside of CreateJob, in order."""
    modules: list[str] = []
    inside: ContextVar[bool] = ContextVar("inside", default=False)
    handle = Jobs.CreateJob

    def note(frame: FrameType, event: str, _: object) -> None:
        name = str(frame.f_globals.get("__name__", ""))
        written = not frame.f_code.co_filename.startswith("<")  # by hand, and not by dataclass
        if event == "call" and written and name.startswith(GATEWAY) and inside.get():
            modules.append(name.removeprefix(GATEWAY))

    @contextmanager
    def noted() -> Iterator[None]:
        inside.set(True)
        sys.setprofile(note)
        try:
            yield
        finally:
            sys.setprofile(None)

    async def create(self: Jobs, request: pb.CreateJobRequest, context: Any) -> pb.Job:
        with noted():
            return await handle(self, request, context)

    monkeypatch.setattr(Jobs, "CreateJob", create)
    return modules


async def test_a_job_passes_six_modules_to_the_database_and_back(
    serve: Serve, passed: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    async with serve() as gateway:
        upload = await gateway.client.upload(b"RIFF and so on")
        job = await gateway.client.job(upload.name, request_id="b2e1f1de-6ae4-4c39-a0b4-3b51b0f1e6a5", tags=["a"])
    assert job.state == pb.Job.STATE_QUEUED
    own = [module for module in dict.fromkeys(passed) if not module.startswith("platform.")]
    with capsys.disabled():
        print(f"\nCreateJob enters, outside of platform: {', '.join(own)}")
    assert set(own) == {*PATH, *ASKED, *VALUES}
    assert len(PATH) <= 6
