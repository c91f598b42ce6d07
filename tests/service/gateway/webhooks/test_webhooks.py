"""WebhookService over a real socket: what it makes, and what it refuses by name."""

from __future__ import annotations

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration
from locution.v1 import webhook_service_pb2 as pb
from locution_client.errors import from_rpc

from tests.service.gateway.client import reason
from tests.service.gateway.conftest import Gateway, Serve
from tests.service.gateway.webhooks.conftest import Hooks

URL = "https://hooks.example.com/in?tenant=7"
ENDS = ["JOB_SUCCEEDED", "JOB_FAILED", "JOB_CANCELLED"]


def events(webhook: pb.Webhook) -> list[str]:
    return [pb.WebhookEventType.Name(each).removeprefix("WEBHOOK_EVENT_TYPE_") for each in webhook.event_types]


async def test_a_webhook_is_made_with_a_secret_that_is_shown_once(hooks: Hooks) -> None:
    made = await hooks.create(URL, display_name="Billing")
    assert (made.url, made.display_name, made.disabled) == (URL, "Billing", False)
    assert events(made) == ENDS
    assert len(made.secret) == len("whsec_") + 44
    assert made.signature_scheme == pb.Webhook.SIGNATURE_SCHEME_HMAC_SHA256
    assert not made.HasField("public_key")
    read = await hooks.get(made.name)
    assert not read.HasField("secret")
    made.ClearField("secret")
    assert read == made
    listed = await hooks.stub.ListWebhooks(pb.ListWebhooksRequest())
    assert list(listed.webhooks) == [read]


async def test_a_repeated_request_gives_the_first_webhook_and_its_secret(hooks: Hooks) -> None:
    first = await hooks.create(URL, request_id="one")
    assert await hooks.create(URL, request_id="one") == first
    assert await reason(hooks.create(URL + "8", request_id="one")) == "REQUEST_ID_REUSED"


async def test_validate_only_makes_nothing(hooks: Hooks) -> None:
    await hooks.stub.CreateWebhook(pb.CreateWebhookRequest(webhook=pb.Webhook(url=URL), validate_only=True))
    wrong = pb.CreateWebhookRequest(webhook=pb.Webhook(url="https://[::1]/"), validate_only=True)
    assert await reason(hooks.stub.CreateWebhook(wrong)) == "WEBHOOK_URL_REFUSED"
    assert list((await hooks.stub.ListWebhooks(pb.ListWebhooksRequest())).webhooks) == []


@pytest.mark.parametrize(
    "url", ["", "hooks.example.com", "https://10.0.0.1/", "http://169.254.169.254/", "https://a@b.c/"]
)
async def test_a_wrong_url_is_refused_by_name(hooks: Hooks, url: str) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await hooks.create(url)
    failure = from_rpc(caught.value)
    assert failure.reason == "WEBHOOK_URL_REFUSED"
    assert [each.field for each in failure.violations] == ["webhook.url"]


async def test_without_the_settings_http_and_loopback_are_refused(serve: Serve) -> None:
    from locution.v1.webhook_service_pb2_grpc import WebhookServiceStub
    from locution_common.channels import open_channel

    from tests.service.gateway.conftest import KEY

    async with serve() as plain, open_channel(plain.running.address, token=KEY) as channel:
        strict = Hooks(WebhookServiceStub(channel))
        assert await reason(strict.create("http://hooks.example.com/")) == "WEBHOOK_URL_REFUSED"
        assert await reason(strict.create("https://127.0.0.1/")) == "WEBHOOK_URL_REFUSED"
        assert (await strict.create("https://93.184.215.14/")).url == "https://93.184.215.14/"


async def test_a_tenant_has_so_many_and_no_more(hooks: Hooks) -> None:
    for _ in range(5):
        await hooks.create(URL)
    assert await reason(hooks.create(URL)) == "QUOTA_EXCEEDED"


async def test_a_change_needs_a_current_etag_and_known_fields(hooks: Hooks) -> None:
    made = await hooks.create(URL, "JOB_FAILED", display_name="old")
    changed = await hooks.update(made.name, "display_name", display_name="new", etag=made.etag)
    assert (changed.display_name, events(changed), changed.url) == ("new", ["JOB_FAILED"], URL)
    assert await reason(hooks.update(made.name, "display_name", display_name="x", etag=made.etag)) == "ETAG_MISMATCH"
    assert await reason(hooks.update(made.name, "secret")) == "UPDATE_MASK_INVALID"
    assert await reason(hooks.update(made.name, "url", url="https://127.1/")) == "WEBHOOK_URL_REFUSED"
    assert events(await hooks.update(made.name, "event_types")) == ENDS


@pytest.mark.parametrize("event", ["TEST", "UNSPECIFIED"])
async def test_nobody_subscribes_to_what_is_no_event_of_a_job(hooks: Hooks, event: str) -> None:
    assert await reason(hooks.create(URL, event)) == "INVALID_REQUEST"


async def test_what_is_absent_is_not_found(hooks: Hooks) -> None:
    for name in ("webhooks/none", "webhooks/00000000-0000-7000-8000-000000000000"):
        assert await reason(hooks.get(name)) == "WEBHOOK_NOT_FOUND"
        assert await reason(hooks.test(name)) == "WEBHOOK_NOT_FOUND"
        assert await reason(hooks.deliveries(name)) == "WEBHOOK_NOT_FOUND"
        assert await reason(hooks.stub.DeleteWebhook(pb.DeleteWebhookRequest(name=name))) == "WEBHOOK_NOT_FOUND"
    made = await hooks.create(URL)
    for delivery in ("none", "00000000-0000-7000-8000-000000000000"):
        assert await reason(hooks.redeliver(f"{made.name}/deliveries/{delivery}")) == "WEBHOOK_DELIVERY_NOT_FOUND"


async def test_another_tenants_webhook_is_not_found(gateway: Gateway, hooks: Hooks) -> None:
    made = await hooks.create(URL)
    delivery = await hooks.test(made.name)
    other = "00000000-0000-4000-8000-0000000000ff"
    for table in ("webhooks", "webhook_secrets", "webhook_deliveries"):
        await gateway.owner.execute(f"UPDATE gateway.{table} SET tenant_id = $1", other)
    for call in (
        hooks.get(made.name),
        hooks.update(made.name, "url", url=URL),
        hooks.test(made.name),
        hooks.redeliver(delivery.name),
        hooks.deliveries(made.name),
        hooks.stub.RotateWebhookSecret(pb.RotateWebhookSecretRequest(name=made.name)),
    ):
        assert await reason(call) == "WEBHOOK_NOT_FOUND"
    assert list((await hooks.stub.ListWebhooks(pb.ListWebhooksRequest())).webhooks) == []


async def test_a_disabled_webhook_sends_nothing_on_demand(hooks: Hooks) -> None:
    made = await hooks.create(URL)
    delivery = await hooks.test(made.name)
    await hooks.update(made.name, "disabled", disabled=True)
    assert await reason(hooks.test(made.name)) == "WEBHOOK_DISABLED"
    assert await reason(hooks.redeliver(delivery.name)) == "WEBHOOK_DISABLED"


async def test_an_overlap_has_a_limit(hooks: Hooks) -> None:
    made = await hooks.create(URL)
    request = pb.RotateWebhookSecretRequest(name=made.name, overlap_duration=Duration(seconds=7 * 86400 + 1))
    assert await reason(hooks.stub.RotateWebhookSecret(request)) == "INVALID_REQUEST"


async def test_deliveries_are_listed_by_pages(hooks: Hooks) -> None:
    made, other = await hooks.create(URL), await hooks.create(URL)
    names = [(await hooks.test(made.name)).name for _ in range(5)][::-1]
    first = await hooks.stub.ListWebhookDeliveries(pb.ListWebhookDeliveriesRequest(parent=made.name, page_size=3))
    assert [each.name for each in first.deliveries] == names[:3]
    follow = pb.ListWebhookDeliveriesRequest(parent=made.name, page_size=3, page_token=first.next_page_token)
    second = await hooks.stub.ListWebhookDeliveries(follow)
    assert [each.name for each in second.deliveries] == names[3:]
    assert second.next_page_token == ""
    foreign = pb.ListWebhookDeliveriesRequest(parent=other.name, page_token=first.next_page_token)
    assert await reason(hooks.stub.ListWebhookDeliveries(foreign)) == "PAGE_TOKEN_INVALID"
    assert await reason(hooks.deliveries(made.name, "colour = red")) == "FILTER_INVALID"
    assert await hooks.deliveries(made.name, "state = DEAD") == []
    assert len(await hooks.deliveries(made.name, 'state = PENDING AND create_time > "2020-01-01T00:00:00Z"')) == 5
