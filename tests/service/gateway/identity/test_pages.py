"""Every list of the public API, walked from the descriptors: small pages give what one page gives."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Final

from locution.v1 import account_service_pb2 as accounts
from locution.v1 import administration_service_pb2 as administration
from locution.v1 import identity_pb2 as identity
from locution.v1 import webhook_service_pb2 as webhooks
from locution.v1.webhook_service_pb2_grpc import WebhookServiceStub

from tests.service.gateway.conftest import KEY
from tests.service.gateway.hand_worker import HEARD, HandWorker
from tests.service.gateway.identity.rpcs import Rpc, rpcs
from tests.service.gateway.identity.world import World, new_user

ELSEWHERE: Final = {
    "ListModels",  # tests/e2e/test_models.py: a real registry has the pages
    "ListSegments",  # tests/service/gateway/transcripts
    "ListSessions",  # tests/service/gateway/live
}
LISTS: Final = [rpc for rpc in rpcs() if "page_token" in rpc.descriptor.input_type.fields_by_name]


async def _webhook(world: World, worker: HandWorker) -> str:
    stub = WebhookServiceStub(await world.channel(world.mine.keys["ADMIN"]))
    for _ in range(2):
        request = webhooks.CreateWebhookRequest(webhook=webhooks.Webhook(url="https://93.184.215.14/"))
        made = await stub.CreateWebhook(request)
    for _ in range(2):
        await stub.TestWebhook(webhooks.TestWebhookRequest(name=made.name))
    return str(made.name)


async def _job(world: World, worker: HandWorker) -> str:
    client = await world.client(world.mine.keys["MEMBER"])
    job = await client.job((await client.upload(b"RIFF and so on")).name, tags=["a", "b"])
    await worker.run(HEARD)
    await client.enrol("Grace", job.name)
    return ""


async def _tenant(world: World, worker: HandWorker) -> str:
    operator = await world.administration()
    await new_user(world, "acme", "second@acme.example")
    invitation = administration.Invitation(email="third@acme.example", role=identity.ROLE_MEMBER)
    await operator.CreateInvitation(
        administration.CreateInvitationRequest(parent="tenants/acme", invitation=invitation)
    )
    issuer = administration.Issuer(
        issuer="https://idp.example",
        audience="another",
        jwks_uri="https://idp.example/jwks",
        algorithm="RS256",
        default_role=identity.ROLE_MEMBER,
    )
    await operator.CreateIssuer(administration.CreateIssuerRequest(parent="tenants/acme", issuer=issuer))
    return "tenants/acme"


THINGS: Final[dict[str, Callable[[World, HandWorker], Awaitable[str]]]] = {
    "ListWebhooks": _webhook,
    "ListWebhookDeliveries": _webhook,
    "ListJobs": _job,
    "ListUploads": _job,
    "ListVoices": _job,
    "ListTags": _job,
}
"""How a second thing of a list's kind is made; what is returned is the list's parent."""


async def _caller(world: World, rpc: Rpc) -> str:
    """Return the credential of somebody who has two things of the list's kind."""
    if rpc.name == "ListTenants":
        return KEY
    if rpc.name != "ListApiKeys":
        return world.mine.keys["ADMIN"]
    session = await new_user(world, "acme", "keys@acme.example")
    account = await world.account(session.access_token)
    for name in ("one", "two"):
        await account.CreateApiKey(accounts.CreateApiKeyRequest(api_key=identity.ApiKey(display_name=name)))
    return str(session.access_token)


async def test_small_pages_give_what_one_page_gives(world: World, worker: HandWorker) -> None:
    parents = {make: await make(world, worker) for make in {_tenant, *THINGS.values()}}
    for rpc in LISTS:
        if rpc.name not in ELSEWHERE:
            whole, found = await _listed(world, rpc, parents[THINGS.get(rpc.name, _tenant)])
            assert len(whole) >= 2, rpc.name
            assert found == whole, rpc.name


async def _listed(world: World, rpc: Rpc, parent: str) -> tuple[list[Any], list[Any]]:
    """Return a list as one page and as pages of one."""
    channel = await world.channel(await _caller(world, rpc))
    (listed,) = (f for f in rpc.descriptor.output_type.fields if f.is_repeated)
    request = rpc.request()
    if "parent" in rpc.descriptor.input_type.fields_by_name:
        request.parent = parent
    whole = list(getattr(await rpc.call(channel, request), listed.name))
    found: list[Any] = []
    request.page_size = 1
    while True:
        page = await rpc.call(channel, request)
        found += getattr(page, listed.name)
        if not page.next_page_token:
            break
        request.page_token = page.next_page_token
    return whole, found
