"""Receivers in two other languages verify a delivery by both kinds of signature, with the libraries of Standard Webhooks."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pytest
from locution_gateway.platform.ids import JobId
from locution_gateway.platform.principal import TenantId
from locution_gateway.webhooks.message import body_of, headers_of
from locution_gateway.webhooks.models import DeliveryId, Dispatch, EventType, SignatureScheme, WebhookId
from locution_gateway.webhooks.sign import new_secret, public_key

RECEIVERS = Path(__file__).parent / "receivers"
EXPECTED = {"v1": "job.succeeded", "v1a": True}


@pytest.fixture
def delivery() -> str:
    """A delivery that is signed now by a secret and by a private key, as the receivers read it."""
    shared, private = new_secret(SignatureScheme.HMAC_SHA256), new_secret(SignatureScheme.ED25519)
    dispatch = Dispatch(
        delivery_id=DeliveryId(UUID(int=1)),
        webhook_id=WebhookId(UUID(int=2)),
        tenant_id=TenantId(UUID(int=3)),
        event_type=EventType.JOB_SUCCEEDED,
        job_id=JobId(UUID(int=4)),
        event_id=1,
        event_time=datetime.now(UTC),
        reason=None,
        attempts=1,
        token=UUID(int=5),
        url="https://a.example/",
        secrets=(shared, private),
        trace_context="",
    )
    body = body_of(dispatch)
    headers = headers_of(dispatch, body, int(time.time()), "agent/1")
    return json.dumps({"headers": headers, "body": body.decode(), "secret": shared, "public_key": public_key(private)})


@pytest.mark.timeout(240)  # the first run fetches the libraries
@pytest.mark.parametrize(
    ("program", "install", "start"),
    [
        ("node", ["npm", "ci", "--silent", "--no-audit", "--no-fund"], ["node", "verify.js"]),
        ("go", ["go", "build", "-o", "receiver", "."], ["./receiver"]),
    ],
)
def test_a_receiver_verifies_both_signatures(
    program: str, install: list[str], start: list[str], delivery: str, tmp_path: Path
) -> None:
    if shutil.which(program) is None:
        pytest.skip(f"SKIPPED LOUDLY: {program} is not installed, so no receiver in it verified a delivery")
    folder = tmp_path / program
    shutil.copytree(RECEIVERS / program, folder)
    environment = {**os.environ, "GOFLAGS": "-mod=readonly -p=2"}
    done = subprocess.run(install, cwd=folder, env=environment, capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stdout + done.stderr
    told = subprocess.run(start, cwd=folder, input=delivery, capture_output=True, text=True, timeout=30)
    assert told.returncode == 0, told.stderr
    assert json.loads(told.stdout) == EXPECTED
    forged = json.loads(delivery)
    forged["body"] += " "
    refused = subprocess.run(start, cwd=folder, input=json.dumps(forged), capture_output=True, text=True, timeout=30)
    assert refused.returncode != 0
