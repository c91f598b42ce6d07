"""Keys that keys create: no longer, no wider and no higher than their parents, and gone with them."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import grpc
import pytest
from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.timestamp_pb2 import Timestamp
from locution.v1 import account_service_pb2 as accounts
from locution.v1 import administration_service_pb2 as administration
from locution.v1 import identity_pb2 as identity

from tests.service.gateway.client import refusal
from tests.service.gateway.identity.test_credentials import caller, small
from tests.service.gateway.identity.world import World, expire_key, new_key, new_user

__all__ = ["small"]


def ahead(**delta: Any) -> Timestamp:
    moment = Timestamp()
    moment.FromDatetime(datetime.now(UTC) + timedelta(**delta))
    return moment


async def child(world: World, token: str, **fields: Any) -> identity.IssuedApiKey:
    account = await world.account(token)
    return await account.CreateApiKey(accounts.CreateApiKeyRequest(api_key=identity.ApiKey(**fields)))


async def gone(world: World, token: str) -> str:
    """Wait until a credential is refused everywhere, and return the reason."""
    async with asyncio.timeout(30):
        while True:
            try:
                await caller(world, token)
            except grpc.aio.AioRpcError:
                return str((await refusal(caller(world, token))).reason)
            await asyncio.sleep(0.1)


async def test_a_child_expires_with_its_parent_at_the_latest(small: World) -> None:
    end = ahead(hours=1)
    parent = await new_key(small, "acme", "MEMBER", expire_time=end)
    assert (await child(small, parent.secret)).api_key.expire_time == end
    sooner = ahead(minutes=5)
    assert (await child(small, parent.secret, expire_time=sooner)).api_key.expire_time == sooner
    later = await refusal(child(small, parent.secret, expire_time=ahead(hours=2)))
    assert later.reason == "PERMISSION_DENIED"


async def test_a_key_cannot_rotate_itself_far_ahead(small: World) -> None:
    end = ahead(hours=1)
    key = await new_key(small, "acme", "MEMBER", expire_time=end)
    account = await small.account(key.secret)
    far = await refusal(
        account.RotateApiKey(accounts.RotateApiKeyRequest(name=key.api_key.name, expire_time=ahead(days=30)))
    )
    assert far.reason == "PERMISSION_DENIED"
    rotated = await account.RotateApiKey(accounts.RotateApiKeyRequest(name=key.api_key.name))
    assert rotated.api_key.expire_time == end


async def test_an_administrator_may_give_a_key_more_time(small: World) -> None:
    key = await new_key(small, "acme", "MEMBER", expire_time=ahead(hours=1))
    admin = await small.administration(small.mine.keys["ADMIN"])
    end = ahead(days=30)
    request = administration.RotateTenantApiKeyRequest(name=key.api_key.name, expire_time=end)
    assert (await admin.RotateTenantApiKey(request)).api_key.expire_time == end


async def test_a_chain_falls_with_each_of_its_keys(small: World) -> None:
    top = await new_key(small, "acme", "ADMIN")
    middle = await child(small, top.secret, role=identity.ROLE_MEMBER)
    bottom = await child(small, middle.secret, role=identity.ROLE_VIEWER)
    assert middle.api_key.parent == top.api_key.name
    assert bottom.api_key.parent == middle.api_key.name
    assert not top.api_key.HasField("parent"), "an operator's key is not shown to a tenant"
    assert (await caller(small, bottom.secret)).role == identity.ROLE_VIEWER
    await (await small.administration()).RevokeTenantApiKey(
        administration.RevokeTenantApiKeyRequest(name=top.api_key.name)
    )
    for key in (top, middle, bottom):
        assert await gone(small, key.secret) == "UNAUTHENTICATED"


async def test_a_rotated_child_still_falls_with_its_parent(small: World) -> None:
    parent = await new_key(small, "acme", "MEMBER")
    made = await child(small, parent.secret)
    account = await small.account(made.secret)
    rotated = await account.RotateApiKey(accounts.RotateApiKeyRequest(name=made.api_key.name))
    assert rotated.api_key.parent == parent.api_key.name
    await (await small.administration()).RevokeTenantApiKey(
        administration.RevokeTenantApiKeyRequest(name=parent.api_key.name)
    )
    assert await gone(small, rotated.secret) == "UNAUTHENTICATED"


async def test_a_child_has_at_most_what_its_parents_user_may_now(small: World) -> None:
    session = await new_user(small, "acme", "ada@acme.example", "ADMIN")
    parent = await child(small, session.access_token)
    made = await child(small, parent.secret, role=identity.ROLE_ADMIN)
    assert (await caller(small, made.secret)).role == identity.ROLE_ADMIN
    await (await small.administration()).UpdateUser(
        administration.UpdateUserRequest(
            user=administration.User(name=session.user, role=identity.ROLE_VIEWER),
            update_mask=FieldMask(paths=["role"]),
        )
    )
    async with asyncio.timeout(30):
        role = identity.ROLE_ADMIN
        while role != identity.ROLE_VIEWER:
            with suppress(grpc.aio.AioRpcError):
                role = (await caller(small, made.secret)).role
            await asyncio.sleep(0.1)


async def test_a_parent_that_expired_takes_its_children(small: World) -> None:
    parent = await new_key(small, "acme", "MEMBER", expire_time=ahead(hours=1))
    made = await child(small, parent.secret)
    await expire_key(small, parent)
    assert await gone(small, made.secret) == "CREDENTIAL_EXPIRED"


@pytest.mark.parametrize("role", ["ADMIN", "MEMBER"])
async def test_a_list_shows_the_chain(small: World, role: str) -> None:
    parent = await new_key(small, "acme", role)
    made = await child(small, parent.secret)
    admin = await small.administration(small.mine.keys["ADMIN"])
    listed = await admin.ListTenantApiKeys(administration.ListTenantApiKeysRequest(parent="tenants/acme"))
    parents = {key.name: key.parent for key in listed.api_keys}
    assert parents[made.api_key.name] == parent.api_key.name
