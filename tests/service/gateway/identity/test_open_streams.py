"""Streams that are open when their right ends: they end with the reason a new call would get."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import grpc
import pytest
from google.protobuf.field_mask_pb2 import FieldMask
from locution.v1 import account_service_pb2 as accounts
from locution.v1 import administration_service_pb2 as administration
from locution.v1 import identity_pb2 as identity
from locution.v1 import job_service_pb2 as jobs
from locution.v1 import upload_service_pb2 as uploads
from locution_common.interceptors import remote_failure

from tests.service.gateway.identity.test_credentials import small
from tests.service.gateway.identity.world import World, expire_key, new_key, new_user

__all__ = ["small"]

NAME = "tenants/acme"

Change = Callable[[World, identity.IssuedApiKey], Awaitable[object]]


async def revoke(world: World, key: identity.IssuedApiKey) -> None:
    request = administration.RevokeTenantApiKeyRequest(name=key.api_key.name)
    await (await world.administration()).RevokeTenantApiKey(request)


async def disable(world: World, key: identity.IssuedApiKey) -> None:
    tenant = administration.Tenant(name=NAME, state=administration.Tenant.STATE_DISABLED)
    request = administration.UpdateTenantRequest(tenant=tenant, update_mask=FieldMask(paths=["state"]))
    await (await world.administration()).UpdateTenant(request)


async def watch(world: World, token: str) -> AsyncIterator[Any]:
    client = await world.client(token)
    job = await client.job((await client.upload(b"RIFF")).name)
    async for event in client.jobs.WatchJob(jobs.WatchJobRequest(name=job.name)):
        yield event


async def write(world: World, token: str) -> AsyncIterator[Any]:
    client = await world.client(token)
    upload = await client.new_upload()
    call: Any = client.uploads.WriteUpload()
    await call.write(uploads.WriteUploadRequest(start=uploads.WriteUploadStart(name=upload.name)))
    yield "begun"
    await call


async def ended(stream: AsyncIterator[Any], change: Callable[[], Awaitable[object]]) -> str:
    """Change something once a stream is open; return why it ended."""
    await anext(stream)
    await change()
    try:
        async with asyncio.timeout(30):
            async for _ in stream:
                pass
    except grpc.aio.AioRpcError as error:
        return str(remote_failure(error).reason)
    return "OK"


@pytest.mark.parametrize("stream", [watch, write])
@pytest.mark.parametrize("change", [revoke, disable])
async def test_a_stream_ends_with_its_right(small: World, change: Change, stream: Any) -> None:
    key = await new_key(small, "acme", "MEMBER")
    assert await ended(stream(small, key.secret), lambda: change(small, key)) == "UNAUTHENTICATED"


@pytest.mark.parametrize("stream", [watch, write])
async def test_a_stream_ends_when_its_key_expires(small: World, stream: Any) -> None:
    key = await new_key(small, "acme", "MEMBER")
    assert await ended(stream(small, key.secret), lambda: expire_key(small, key)) == "CREDENTIAL_EXPIRED"


async def test_a_stream_ends_when_its_user_may_no_longer_do_this(small: World) -> None:
    session = await new_user(small, "acme", "ada@acme.example", "MEMBER")

    async def demote() -> None:
        user = administration.User(name=session.user, role=identity.ROLE_VIEWER)
        request = administration.UpdateUserRequest(user=user, update_mask=FieldMask(paths=["role"]))
        await (await small.administration()).UpdateUser(request)

    assert await ended(write(small, session.access_token), demote) == "PERMISSION_DENIED"


async def test_a_stream_ends_with_its_session(small: World) -> None:
    session = await new_user(small, "acme", "ada@acme.example", "MEMBER")

    async def log_out() -> None:
        await (await small.account(session.access_token)).Logout(accounts.LogoutRequest())

    assert await ended(watch(small, session.access_token), log_out) == "UNAUTHENTICATED"
