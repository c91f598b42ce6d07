"""Tenants with principals of every role, and one thing of each kind that belongs to each tenant."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field

import grpc
from locution.v1 import account_service_pb2 as accounts
from locution.v1 import administration_service_pb2 as administration
from locution.v1 import identity_pb2 as identity
from locution.v1.account_service_pb2_grpc import AccountServiceStub
from locution.v1.administration_service_pb2_grpc import AdministrationServiceStub
from locution_common.channels import open_channel

from tests.service.gateway.client import Client
from tests.service.gateway.conftest import KEY, Gateway
from tests.service.gateway.hand_worker import HEARD, HandWorker
from tests.support import canaries

ROLES = ("VIEWER", "MEMBER", "ADMIN", "OPERATOR")
PASSWORD = canaries.secret("user-password")


@dataclass
class Party:
    """A tenant: its keys by role, and the names of its things by kind."""

    name: str
    keys: dict[str, str] = field(default_factory=dict)
    things: dict[str, str] = field(default_factory=dict)


@dataclass
class World:
    """Two tenants at one api, and an operator."""

    api: Gateway
    stack: AsyncExitStack
    mine: Party
    theirs: Party
    channels: dict[str, grpc.aio.Channel] = field(default_factory=dict)

    async def channel(self, token: str | None) -> grpc.aio.Channel:
        """Return a channel that shows a credential; the same one for the same credential."""
        known = self.channels.get(token or "")
        if known is None:
            opened = open_channel(self.api.running.address, token=token)
            known = self.channels[token or ""] = await self.stack.enter_async_context(opened)
        return known

    async def account(self, token: str | None) -> AccountServiceStub:
        return AccountServiceStub(await self.channel(token))

    async def administration(self, token: str = KEY) -> AdministrationServiceStub:
        return AdministrationServiceStub(await self.channel(token))

    async def client(self, token: str) -> Client:
        return Client(await self.channel(token))


@asynccontextmanager
async def make_world(api: Gateway, worker: HandWorker | None = None) -> AsyncIterator[World]:
    """Make both tenants with all that belongs to them; without a worker they have no transcript."""
    async with AsyncExitStack() as stack:
        world = World(api, stack, Party("acme"), Party("umbrella"))
        for party in (world.mine, world.theirs):
            await populate(world, party, worker)
        yield world


async def populate(world: World, party: Party, worker: HandWorker | None) -> None:
    """Make a tenant, its keys, and a thing of each kind."""
    await new_tenant(world, party)
    client = await world.client(party.keys["MEMBER"])
    upload = await client.upload(party.name.encode() * 100)
    job = await client.job(upload.name)
    party.things |= {"uploads": upload.name, "jobs": job.name, "transcript": f"{job.name}/transcript"}
    if worker is not None:
        await worker.run(HEARD)
        party.things["voices"] = await client.enrol("Ada", job.name)
    below = f"tenants/{party.name}"
    party.things |= {"tenants": below, "settings": f"{below}/settings", "quotas": f"{below}/quotas"}
    await _people(world, party)


async def new_tenant(world: World, party: Party) -> None:
    """Make a tenant and a key of each role in it."""
    operator = await world.administration()
    await operator.CreateTenant(administration.CreateTenantRequest(tenant_id=party.name))
    for role in ROLES:
        party.keys[role] = (await new_key(world, party.name, role)).secret


async def new_key(world: World, tenant: str, role: str = "ADMIN", **fields: object) -> identity.IssuedApiKey:
    """Make a key of a tenant, as the operator."""
    key = identity.ApiKey(role=identity.Role.Value(f"ROLE_{role}"), **fields)  # type: ignore[arg-type]
    request = administration.CreateTenantApiKeyRequest(parent=f"tenants/{tenant}", api_key=key)
    return await (await world.administration()).CreateTenantApiKey(request)


async def expire_key(world: World, key: identity.IssuedApiKey) -> None:
    """Let a key expire now: its row says so, and tells every replica."""
    statement = "UPDATE gateway.api_keys SET expire_time = clock_timestamp() WHERE key_id = $1"
    await world.api.owner.execute(statement, key.api_key.name.rpartition("/")[2])


async def new_user(
    world: World, tenant: str, email: str, role: str = "MEMBER", password: str = PASSWORD
) -> accounts.Session:
    """Invite a user, who registers."""
    invitation = administration.Invitation(email=email, role=identity.Role.Value(f"ROLE_{role}"))
    request = administration.CreateInvitationRequest(parent=f"tenants/{tenant}", invitation=invitation)
    invited = await (await world.administration()).CreateInvitation(request)
    register = accounts.RegisterRequest(invitation=invited.token, password=password)
    return await (await world.account(None)).Register(register)


async def _people(world: World, party: Party) -> None:
    operator = await world.administration()
    session = await new_user(world, party.name, f"somebody@{party.name}.example")
    invitation = administration.Invitation(email=f"next@{party.name}.example", role=identity.ROLE_MEMBER)
    invited = await operator.CreateInvitation(
        administration.CreateInvitationRequest(parent=f"tenants/{party.name}", invitation=invitation)
    )
    issuer = await operator.CreateIssuer(
        administration.CreateIssuerRequest(
            parent=f"tenants/{party.name}",
            issuer=administration.Issuer(
                issuer="https://idp.example",
                audience=party.name,
                jwks_uri="https://idp.example/jwks",
                algorithm="RS256",
                default_role=identity.ROLE_MEMBER,
            ),
        )
    )
    key = await new_key(world, party.name, "MEMBER", display_name="spare")
    party.things |= {
        "users": session.user,
        "invitations": invited.invitation.name,
        "issuers": issuer.name,
        "apiKeys": key.api_key.name,
    }
