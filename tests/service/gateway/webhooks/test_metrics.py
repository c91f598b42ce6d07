"""What is measured of deliveries: one span an attempt in the job's own trace, and metrics by outcome."""

from __future__ import annotations

from datetime import timedelta

from locution_common.postgres import open_pool
from locution_common.telemetry import extract
from locution_gateway.platform.database import TenantDatabase
from locution_gateway.webhooks.outbox import PostgresOutbox
from opentelemetry import trace

from tests.service.gateway.conftest import Gateway
from tests.service.gateway.hand_worker import HandWorker
from tests.service.gateway.webhooks.conftest import Deliver, Hooks, Measured
from tests.service.gateway.webhooks.receiver import Receiver, answer

TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


async def test_every_attempt_is_a_span_of_the_jobs_trace(
    gateway: Gateway, hooks: Hooks, worker: HandWorker, receiver: Receiver, deliver: Deliver, measured: Measured
) -> None:
    receiver.script = [answer(500)]
    webhook = await hooks.create(receiver.url)
    job = await gateway.client.job((await gateway.client.upload(b"RIFF")).name)
    await gateway.owner.execute("UPDATE gateway.jobs SET trace_context = $1", TRACEPARENT)
    await worker.run()
    async with deliver():
        await hooks.settled(webhook.name, 1)
    first, second = measured.spans
    remote = trace.get_current_span(extract(TRACEPARENT)).get_span_context()
    for number, span in enumerate((first, second), 1):
        assert span.context is not None
        assert span.parent is not None
        assert span.attributes is not None
        assert (span.context.trace_id, span.parent.span_id) == (remote.trace_id, remote.span_id)
        assert span.attributes["locution.job"] == job.name.removeprefix("jobs/")
        assert span.attributes["locution.webhook"] == webhook.name.removeprefix("webhooks/")
        assert span.attributes["locution.attempt"] == number
    assert first.attributes is not None
    assert first.attributes["http.response.status_code"] == 500
    assert (first.status.is_ok, first.status.description) == (False, "answered 500")
    assert second.attributes is not None
    assert second.attributes["locution.webhook.outcome"] == "delivered"


async def test_a_test_is_a_trace_of_its_own(
    hooks: Hooks, receiver: Receiver, deliver: Deliver, measured: Measured
) -> None:
    webhook = await hooks.create(receiver.url)
    await hooks.test(webhook.name)
    async with deliver():
        await hooks.settled(webhook.name, 1)
    (span,) = measured.spans
    assert span.parent is None


async def test_attempts_are_counted_and_timed_by_outcome(
    hooks: Hooks, receiver: Receiver, deliver: Deliver, measured: Measured
) -> None:
    receiver.script = [answer(500), answer(500), answer(500)]
    webhook = await hooks.create(receiver.url)
    await hooks.test(webhook.name)
    async with deliver(attempts=2):
        await hooks.settled(webhook.name, 1)
        await hooks.test(webhook.name)
        await hooks.settled(webhook.name, 2)
    counted = {
        outcome: measured.value("locution_webhook_attempts_total", outcome=outcome)
        for outcome in ("delivered", "failed", "dead", "released")
    }
    assert counted == {"delivered": 1, "failed": 2, "dead": 1, "released": 0}
    assert measured.value("locution_webhook_attempt_seconds_count", outcome="failed") == 2
    assert measured.value("locution_webhook_attempt_seconds_sum", outcome="failed") > 0


async def test_the_backlog_is_what_waits_for_webhooks_that_are_not_disabled(
    gateway: Gateway, hooks: Hooks, receiver: Receiver, gateway_database: str, measured: Measured
) -> None:
    webhook, other = await hooks.create(receiver.url), await hooks.create(receiver.url)
    for _ in range(3):
        await hooks.test(webhook.name)
    await hooks.test(other.name)
    await hooks.update(other.name, "disabled", disabled=True)
    await gateway.owner.execute("UPDATE gateway.webhook_deliveries SET due_time = now() - interval '90 seconds'")
    async with open_pool(gateway_database.replace("postgres@", "locution_worker@"), size=1) as pool:
        outbox = PostgresOutbox(TenantDatabase(pool))
        measured.metrics.backlog(await outbox.backlog())
        assert measured.value("locution_webhook_backlog") == 3
        assert 90 <= measured.value("locution_webhook_late_seconds") < 120
        await outbox.claim(timedelta(minutes=1), 10, 10)
        assert (await outbox.backlog()).late_seconds == 0
