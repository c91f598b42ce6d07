"""The checks of `helm test`, run against a real stack as the chart's pods run them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

import pytest
from locution.v1.administration_service_pb2 import (
    CreateTenantApiKeyRequest,
    ListTenantApiKeysRequest,
    RevokeTenantApiKeyRequest,
)
from locution.v1.administration_service_pb2_grpc import AdministrationServiceStub
from locution.v1.identity_pb2 import ROLE_VIEWER, ApiKey
from locution.v1.job_service_pb2 import ListJobsRequest
from locution.v1.job_service_pb2_grpc import JobServiceStub
from locution.v1.live_service_pb2 import ListSessionsRequest, LiveSession
from locution.v1.live_service_pb2_grpc import LiveServiceStub
from locution.v1.upload_service_pb2 import ListUploadsRequest
from locution.v1.upload_service_pb2_grpc import UploadServiceStub
from locution_common.channels import open_channel

from tests.e2e.conftest import Installation

SPOKEN = {"and", "so", "my", "fellow", "americans"}
PROCESSES = ("worker", "registry", "asr", "diarizer")


def selftest(installation: Installation, check: str, **settings: str) -> subprocess.CompletedProcess[str]:
    """Run a check with settings by their names without the prefix."""
    given = {"ADDRESS": installation.address, "BOOTSTRAP_KEY": installation.key, "ENVIRONMENT": "local", **settings}
    environment = {"PATH": os.environ["PATH"], **{f"LOCUTION_{name}": value for name, value in given.items()}}
    command = [sys.executable, "-m", "locution_gateway", "selftest", check]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=280, check=False)


async def left_over(installation: Installation) -> list[str]:
    """Return the names of what the tenant of the checks has: uploads, jobs, open live sessions, keys that are valid."""
    parent = "tenants/helm-test"
    async with open_channel(installation.address, token=installation.key) as operator:
        administration: Any = AdministrationServiceStub(operator)
        held = await administration.ListTenantApiKeys(ListTenantApiKeysRequest(parent=parent))
        keys = [key.name for key in held.api_keys if key.state != ApiKey.STATE_REVOKED]
        issued = await administration.CreateTenantApiKey(
            CreateTenantApiKeyRequest(parent=parent, api_key=ApiKey(role=ROLE_VIEWER))
        )
        async with open_channel(installation.address, token=issued.secret) as channel:
            uploads = await UploadServiceStub(channel).ListUploads(ListUploadsRequest())
            jobs = await JobServiceStub(channel).ListJobs(ListJobsRequest())
            sessions = await LiveServiceStub(channel).ListSessions(ListSessionsRequest())
        await administration.RevokeTenantApiKey(RevokeTenantApiKeyRequest(name=issued.api_key.name))
    opened = [session for session in sessions.sessions if session.state != LiveSession.STATE_ENDED]
    names = [each.name for each in uploads.uploads] + [each.name for each in jobs.jobs]
    return [*keys, *names, *(each.name for each in opened)]


def addresses(installation: Installation) -> dict[str, str]:
    """Return where the processes of a stack of ours serve health."""
    if installation.state is None:
        pytest.skip("the processes of a cluster are reached from inside it")
    ports = json.loads((installation.state / "state.json").read_text())["ports"]
    return {name: f"127.0.0.1:{ports[name]}" for name in PROCESSES}


def test_health_asks_every_process(installation: Installation) -> None:
    asked = addresses(installation)
    assert asked.keys() == set(PROCESSES)
    text = ",".join(f"{name}={address}" for name, address in asked.items())
    done = selftest(installation, "health", SELFTEST_HEALTH=text)
    assert (done.returncode, done.stdout) == (0, f"healthy: api, {', '.join(asked)}\n"), done.stderr


def test_health_names_the_process_that_is_not_there(installation: Installation) -> None:
    where = {**addresses(installation), "absent": "127.0.0.1:1"}
    text = ",".join(f"{name}={address}" for name, address in where.items())
    done = selftest(installation, "health", SELFTEST_HEALTH=text, SELFTEST_SECONDS="5")
    assert done.returncode == 1
    assert done.stderr.startswith("locution_gateway selftest health: not healthy: absent: UNAVAILABLE")
    assert "registry" not in done.stderr


async def test_a_job_is_transcribed_and_leaves_nothing(installation: Installation) -> None:
    done = selftest(installation, "job")
    assert done.returncode == 0, done.stderr
    text = done.stdout.partition("transcribed: ")[2].lower()
    assert len([word for word in SPOKEN if word in text]) >= 4, done.stdout
    assert "warning" not in done.stdout
    assert await left_over(installation) == []


async def test_a_live_stream_is_heard_and_leaves_nothing(installation: Installation) -> None:
    done = selftest(installation, "live")
    assert done.returncode == 0, done.stderr
    text = done.stdout.partition("heard live: ")[2].lower()
    assert len([word for word in SPOKEN if word in text]) >= 4, done.stdout
    assert await left_over(installation) == []


def test_another_tenant_is_refused(installation: Installation) -> None:
    for _ in range(2):  # its tenants are there the second time
        done = selftest(installation, "tenants")
        assert (done.returncode, done.stdout) == (0, "another tenant and a caller without a key are refused\n")


def test_a_wrong_key_fails_the_check(installation: Installation) -> None:
    done = selftest(installation, "job", BOOTSTRAP_KEY="not-the-key-of-anybody")
    assert done.returncode == 1
    assert done.stderr.startswith("locution_gateway selftest job: UNAUTHENTICATED: ")
    assert "Traceback" not in done.stderr
