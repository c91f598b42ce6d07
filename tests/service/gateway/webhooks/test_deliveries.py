"""Deliveries: one for each event, signed, in order, again and again until they are taken."""

from __future__ import annotations

import asyncio
import random

from locution.v1 import job_service_pb2 as jobs
from locution.v1 import webhook_service_pb2 as pb
from locution_gateway.jobs.models import StageKind

from tests.service.gateway.conftest import Gateway
from tests.service.gateway.hand_worker import HandWorker
from tests.service.gateway.webhooks.conftest import Deliver, Hooks, until
from tests.service.gateway.webhooks.receiver import Receiver, answer, receiving
from tests.support.standard_webhooks import verify, verify_by_public_key

ALL = ("JOB_QUEUED", "JOB_RUNNING", "JOB_SUCCEEDED", "JOB_FAILED", "JOB_CANCELLED")
DELIVERED, DEAD = pb.WebhookDelivery.STATE_DELIVERED, pb.WebhookDelivery.STATE_DEAD


async def new_job(gateway: Gateway) -> jobs.Job:
    return await gateway.client.job((await gateway.client.upload(b"RIFF")).name)


async def test_a_job_is_told_signed_and_without_content(
    gateway: Gateway, hooks: Hooks, worker: HandWorker, receiver: Receiver, deliver: Deliver
) -> None:
    webhook = await hooks.create(receiver.url + "?for=me")
    job = await new_job(gateway)
    await worker.run()
    async with deliver():
        (got,) = await receiver.until(1)
        (delivery,) = await hooks.settled(webhook.name, 1)
    assert got.target == "/hook?for=me"
    assert verify(got.headers, got.body, webhook.secret) == got.told
    assert got.told["type"] == "job.succeeded"
    assert got.told["id"] == got.headers["webhook-id"]
    assert not [name for name in got.headers if name.startswith("locution-")]
    assert got.told["job"] == {
        "name": job.name,
        "state": "SUCCEEDED",
        "transcript": f"{job.name}/transcript",
    }
    assert got.headers["host"] == f"127.0.0.1:{receiver.port}"
    assert delivery.name == f"{webhook.name}/deliveries/{got.told['id']}"
    assert (delivery.state, delivery.job, delivery.response_status) == (DELIVERED, job.name, 204)
    assert not delivery.HasField("error")


async def test_a_failed_job_names_its_reason(
    gateway: Gateway, hooks: Hooks, worker: HandWorker, receiver: Receiver, deliver: Deliver
) -> None:
    await hooks.create(receiver.url)
    await new_job(gateway)
    await worker.fail(StageKind.DECODE)
    async with deliver():
        (got,) = await receiver.until(1)
    assert got.told["job"]["state"] == "FAILED"
    assert got.told["job"]["error"] == {"code": "INTERNAL", "reason": "INFERENCE_FAILED"}


async def test_each_job_is_told_in_order_by_several_workers_over_a_receiver_that_fails(
    gateway: Gateway, hooks: Hooks, worker: HandWorker, receiver: Receiver, deliver: Deliver
) -> None:
    chance = random.Random(7)
    receiver.judge = lambda _: answer(chance.choice([200, 500, 503]))
    webhook = await hooks.create(receiver.url, *ALL)
    async with deliver(attempts=50), deliver(attempts=50), deliver(attempts=50):
        made = [(await new_job(gateway)).name for _ in range(6)]
        for _ in made:
            await worker.run(sections=1)
        found = await hooks.settled(webhook.name, 3 * len(made))
    assert [each.state for each in found] == [DELIVERED] * 3 * len(made)
    for name in made:
        told = list(dict.fromkeys(receiver.types(name)))
        assert told == ["job.queued", "job.running", "job.succeeded"], receiver.types(name)
        sequences = [got.told["sequence"] for got in receiver.received if got.told["job"]["name"] == name]
        assert sequences == sorted(sequences)


async def test_a_later_event_waits_for_an_earlier_one(
    gateway: Gateway, hooks: Hooks, worker: HandWorker, receiver: Receiver, deliver: Deliver
) -> None:
    receiver.judge = lambda got: answer(500 if got.told["type"] == "job.queued" else 204)
    webhook = await hooks.create(receiver.url, *ALL)
    await new_job(gateway)
    await worker.run(sections=1)
    async with deliver(attempts=3):
        found = await hooks.settled(webhook.name, 3)
    assert receiver.types() == [*["job.queued"] * 3, "job.running", "job.succeeded"]
    assert [each.state for each in reversed(found)] == [DEAD, DELIVERED, DELIVERED]
    assert found[-1].error == "answered 500"


async def test_retries_have_one_body_and_a_fresh_signature(
    gateway: Gateway, hooks: Hooks, receiver: Receiver, deliver: Deliver
) -> None:
    receiver.script = [answer(500), answer(302, "Location: http://127.0.0.1:1/"), answer(404)]
    webhook = await hooks.create(receiver.url)
    await hooks.test(webhook.name)
    async with deliver():
        await receiver.until(4)
        (found,) = await hooks.settled(webhook.name, 1)
    assert len({got.body for got in receiver.received}) == 1
    assert len(receiver.received) == 4
    assert {got.headers["webhook-id"] for got in receiver.received} == {found.name.rpartition("/")[2]}
    for got in receiver.received:
        verify(got.headers, got.body, webhook.secret)
    assert (found.state, found.attempts, found.response_status) == (DELIVERED, 4, 204)


async def test_a_dead_delivery_is_listed_and_sent_again(
    gateway: Gateway, hooks: Hooks, receiver: Receiver, deliver: Deliver
) -> None:
    receiver.script = [answer(500), answer(500)]
    webhook = await hooks.create(receiver.url)
    await hooks.test(webhook.name)
    async with deliver(attempts=2):
        (dead,) = await hooks.settled(webhook.name, 1)
        assert (dead.state, dead.attempts) == (DEAD, 2)
        assert [each.name for each in await hooks.deliveries(webhook.name, "state = DEAD")] == [dead.name]
        assert (await hooks.get(webhook.name)).HasField("failing_since_time")
        again = await hooks.redeliver(dead.name)
        assert (again.state, again.attempts) == (pb.WebhookDelivery.STATE_PENDING, 0)
        await receiver.until(3)
        (taken,) = await hooks.settled(webhook.name, 1)
    assert taken.state == DELIVERED
    assert len({got.told["id"] for got in receiver.received}) == 1
    assert not (await hooks.get(webhook.name)).HasField("failing_since_time")


async def test_what_was_delivered_can_be_sent_again(
    gateway: Gateway, hooks: Hooks, receiver: Receiver, deliver: Deliver
) -> None:
    webhook = await hooks.create(receiver.url)
    await hooks.test(webhook.name)
    async with deliver():
        (taken,) = await hooks.settled(webhook.name, 1)
        await hooks.redeliver(taken.name)
        first, second = await receiver.until(2)
    assert first.body == second.body


async def test_a_webhook_that_always_fails_is_disabled_with_its_reason(
    gateway: Gateway, hooks: Hooks, receiver: Receiver, deliver: Deliver
) -> None:
    receiver.judge = lambda _: answer(500)
    webhook = await hooks.create(receiver.url)
    delivery = await hooks.test(webhook.name)
    await gateway.owner.execute("UPDATE gateway.webhooks SET failing_since = now() - interval '2 hours'")

    async def disabled() -> bool:
        return (await hooks.get(webhook.name)).disabled

    async with deliver():
        await until(disabled)
        found = await hooks.get(webhook.name)
        assert found.disabled_reason == "every attempt failed for 1 hours; the last one: answered 500"
        sent = len(receiver.received)
        receiver.judge = None
        enabled = await hooks.update(webhook.name, "disabled", etag=found.etag)
        assert not enabled.disabled
        assert not enabled.HasField("disabled_reason")
        (taken,) = await hooks.settled(webhook.name, 1)
    assert (taken.name, taken.state) == (delivery.name, DELIVERED)
    assert len(receiver.received) == sent + 1


async def test_a_disabled_webhook_is_told_nothing(
    gateway: Gateway, hooks: Hooks, worker: HandWorker, receiver: Receiver, deliver: Deliver
) -> None:
    webhook = await hooks.create(receiver.url, disabled=True)
    other = await hooks.create(receiver.url, "JOB_CANCELLED")
    await new_job(gateway)
    await worker.run()
    assert await hooks.deliveries(webhook.name) == []
    assert await hooks.deliveries(other.name) == []


async def test_a_receiver_that_hangs_costs_only_its_own(
    gateway: Gateway, hooks: Hooks, receiver: Receiver, deliver: Deliver
) -> None:
    slow = await hooks.create(receiver.url)
    receiver.judge = lambda got: None
    async with asyncio.TaskGroup() as group:
        for _ in range(20):
            group.create_task(hooks.test(slow.name))
    began = asyncio.get_running_loop().time()
    async with deliver(attempts=2), receiving() as healthy:
        await receiver.until(4)
        other = await hooks.create(healthy.url)
        await hooks.test(other.name)
        await healthy.until(1)
        rounds = (
            1 + (asyncio.get_running_loop().time() - began) // 5
        )  # of four, each for the five seconds of its timeout
        assert len(receiver.received) <= 4 * rounds
        await gateway.owner.execute("DELETE FROM gateway.webhooks WHERE url = $1", receiver.url)
        receiver.judge = None


async def test_what_a_worker_holds_is_sent_by_another_when_its_lease_is_over(
    gateway: Gateway, hooks: Hooks, receiver: Receiver, deliver: Deliver
) -> None:
    webhook = await hooks.create(receiver.url)
    await hooks.test(webhook.name)
    claimed = await gateway.owner.fetch("SELECT * FROM gateway.claim_webhook_deliveries('2 seconds', 10, 4)")
    assert len(claimed) == 1
    async with deliver():
        (found,) = await hooks.settled(webhook.name, 1)
    assert (found.state, found.attempts) == (DELIVERED, 2)


async def test_a_deleted_webhook_takes_its_deliveries_along(
    gateway: Gateway, hooks: Hooks, worker: HandWorker, receiver: Receiver
) -> None:
    webhook = await hooks.create(receiver.url)
    await new_job(gateway)
    await worker.run()
    await hooks.stub.DeleteWebhook(pb.DeleteWebhookRequest(name=webhook.name))
    for table in ("webhooks", "webhook_secrets", "webhook_deliveries"):
        assert await gateway.owner.fetchval(f"SELECT count(*) FROM gateway.{table}") == 0


async def test_old_deliveries_are_forgotten(gateway: Gateway, hooks: Hooks, receiver: Receiver) -> None:
    webhook = await hooks.create(receiver.url)
    first, second, third = [await hooks.test(webhook.name) for _ in range(3)]
    await gateway.owner.execute("UPDATE gateway.webhook_deliveries SET event_time = now() - interval '8 days'")
    await gateway.owner.execute(
        "UPDATE gateway.webhook_deliveries SET state = 'DELIVERED' WHERE delivery_id::text = $1",
        first.name.rpartition("/")[2],
    )
    await gateway.owner.execute("SELECT gateway.forget_webhook_deliveries('7 days', 100)")
    assert {each.name for each in await hooks.deliveries(webhook.name)} == {second.name, third.name}


async def test_an_overlap_signs_with_both_secrets(
    gateway: Gateway, hooks: Hooks, receiver: Receiver, deliver: Deliver
) -> None:
    webhook = await hooks.create(receiver.url)
    rotated = await hooks.stub.RotateWebhookSecret(pb.RotateWebhookSecretRequest(name=webhook.name))
    await hooks.test(webhook.name)
    async with deliver():
        (got,) = await receiver.until(1)
    assert rotated.secret != webhook.secret
    assert got.headers["webhook-signature"].count("v1,") == 2
    for secret in (webhook.secret, rotated.secret):
        verify(got.headers, got.body, secret)
    now = pb.RotateWebhookSecretRequest(name=webhook.name)
    now.overlap_duration.seconds = 0
    last = await hooks.stub.RotateWebhookSecret(now)
    await hooks.test(webhook.name)
    async with deliver():
        *_, newest = await receiver.until(2)
    assert newest.headers["webhook-signature"].count("v1,") == 1
    verify(newest.headers, newest.body, last.secret)


async def test_a_private_key_signs_what_its_public_key_verifies(
    gateway: Gateway, hooks: Hooks, receiver: Receiver, deliver: Deliver
) -> None:
    scheme = pb.Webhook.SIGNATURE_SCHEME_ED25519
    webhook = await hooks.create(receiver.url, signature_scheme=scheme)
    rotated = await hooks.stub.RotateWebhookSecret(pb.RotateWebhookSecretRequest(name=webhook.name))
    assert [each.signature_scheme for each in (webhook, rotated, await hooks.get(webhook.name))] == [scheme] * 3
    assert [each.HasField("secret") for each in (webhook, rotated)] == [False, False]
    assert (await hooks.get(webhook.name)).public_key == rotated.public_key != webhook.public_key
    await hooks.test(webhook.name)
    async with deliver():
        (got,) = await receiver.until(1)
    assert got.headers["webhook-signature"].count("v1a,") == 2
    for key in (webhook.public_key, rotated.public_key):
        assert verify_by_public_key(got.headers, got.body, key) == got.told
