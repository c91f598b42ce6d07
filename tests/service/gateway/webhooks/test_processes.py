"""Real worker processes, killed while they send: what they held is sent again."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import urllib3
from locution.v1 import webhook_service_pb2 as pb

from tests.service.gateway.conftest import Gateway
from tests.service.gateway.hand_worker import HandWorker
from tests.service.gateway.webhooks.conftest import ALLOW, Hooks, until
from tests.service.gateway.webhooks.receiver import Receiver
from tests.support import canaries
from tests.support.processes import free_port
from tests.support.s3 import S3Server
from tests.support.standard_webhooks import verify


@asynccontextmanager
async def process(
    database: str, s3: S3Server, bucket: str, log: Path, metrics: int
) -> AsyncIterator[asyncio.subprocess.Process]:
    """A worker of its own; no engine answers it, and no stage waits for one. Its metrics are on port `metrics`."""
    store = s3.settings(bucket)
    settings = {
        "LISTEN": "127.0.0.1:0",
        "METRICS_LISTEN": f"127.0.0.1:{metrics}",
        "DATABASE_URL": database.replace("postgres@", f"locution_worker:{canaries.secret('database-password')}@"),
        "SERVICE_TOKEN": canaries.secret("service-token"),
        "TRACE_FILE": str(canaries.kept(log.with_suffix(".jsonl"))),
        "S3_ENDPOINT": store.s3_endpoint,
        "S3_ACCESS_KEY": store.s3_access_key.get_secret_value(),
        "S3_SECRET_KEY": store.s3_secret_key.get_secret_value(),
        "S3_BUCKET": bucket,
        "S3_SECURE": str(store.s3_secure),
        "REGISTRY_ADDRESS": "127.0.0.1:1",
        "ASR_ADDRESS": "127.0.0.1:1",
        "DIARIZER_ADDRESS": "127.0.0.1:1",
        "WEBHOOK_ALLOW": ALLOW,
        "WEBHOOK_ALLOW_HTTP": "true",
        "WEBHOOK_TIMEOUT_SECONDS": "2",
        "POLL_SECONDS": "0.2",
        "SHUTDOWN_DELAY": "0",
    }
    kept = {name: value for name, value in os.environ.items() if not name.startswith("LOCUTION_")}
    with canaries.kept(log).open("ab") as out:
        made = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "locution_gateway", "worker"),
            env=kept | {f"LOCUTION_{name}": value for name, value in settings.items()},
            stdout=out,
            stderr=out,
        )
    try:
        yield made
    finally:
        if made.returncode is None:
            made.kill()
        await made.wait()


async def counted(port: int, line: str) -> bool:
    """Tell whether a process's metrics have a line that begins so."""
    answer = await asyncio.to_thread(urllib3.request, "GET", f"http://127.0.0.1:{port}/metrics", timeout=5)
    return any(found.startswith(line) for found in answer.data.decode().splitlines())


@pytest.mark.timeout(120)
async def test_a_killed_workers_deliveries_are_sent_by_another(
    gateway: Gateway,
    hooks: Hooks,
    worker: HandWorker,
    receiver: Receiver,
    gateway_database: str,
    s3: S3Server,
    bucket: str,
    tmp_path: Path,
) -> None:
    webhook = await hooks.create(receiver.url, "JOB_QUEUED", "JOB_RUNNING", "JOB_SUCCEEDED")
    job = await gateway.client.job((await gateway.client.upload(b"RIFF")).name)
    await worker.run()
    receiver.script = [None]
    log, metrics = tmp_path / "worker.log", free_port()
    async with process(gateway_database, s3, bucket, log, metrics) as first:
        await receiver.until(1, seconds=40)
        first.send_signal(signal.SIGKILL)
        await first.wait()
    async with process(gateway_database, s3, bucket, log, metrics) as second:
        got = await receiver.until(4, seconds=50)
        await until(lambda: counted(metrics, 'locution_webhook_attempts_total{outcome="delivered"} 3.0'))
        await until(lambda: counted(metrics, "locution_webhook_backlog "))
        second.send_signal(signal.SIGTERM)
        assert await second.wait() == 0, log.read_text()
    assert receiver.types(job.name) == ["job.queued", "job.queued", "job.running", "job.succeeded"]
    ids = [each.headers["webhook-id"] for each in got]
    assert (ids[0] == ids[1], len(set(ids))) == (True, 3)  # what the dead worker held comes once more
    for each in got:
        verify(each.headers, each.body, webhook.secret)
    found = await hooks.deliveries(webhook.name)
    assert [each.state for each in found] == [pb.WebhookDelivery.STATE_DELIVERED] * 3
