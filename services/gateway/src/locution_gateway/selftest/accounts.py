"""Tenants and keys of the checks: the tenants stay, because no call deletes one; each key is revoked."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import grpc
from locution.v1 import administration_service_pb2 as pb
from locution.v1.administration_service_pb2_grpc import AdministrationServiceStub
from locution.v1.identity_pb2 import ROLE_MEMBER, ApiKey
from locution_common.channels import open_channel

from locution_gateway.selftest.settings import SelftestSettings, WorkCheckSettings

CALL_SECONDS = 60.0
KEY_LIFE = timedelta(hours=1)
"""A key that a killed check leaves behind ends after this time."""


@asynccontextmanager
async def tenant(settings: WorkCheckSettings, name: str) -> AsyncIterator[grpc.aio.Channel]:
    """Yield a channel whose calls have a new key of a member of a tenant, which is made if it is not there."""
    async with channel(settings, settings.bootstrap_key.get_secret_value()) as operator:
        administration = AdministrationServiceStub(operator)
        await _make(administration, name)
        key = ApiKey(display_name="helm test", role=ROLE_MEMBER)
        key.expire_time.FromDatetime(datetime.now(UTC) + KEY_LIFE)
        request = pb.CreateTenantApiKeyRequest(parent=f"tenants/{name}", api_key=key)
        issued = await administration.CreateTenantApiKey(request, timeout=CALL_SECONDS)
        try:
            async with channel(settings, issued.secret) as own:
                yield own
        finally:
            revoked = pb.RevokeTenantApiKeyRequest(name=issued.api_key.name)
            await administration.RevokeTenantApiKey(revoked, timeout=CALL_SECONDS)


async def _make(administration: AdministrationServiceStub, name: str) -> None:
    request = pb.CreateTenantRequest(tenant_id=name, tenant=pb.Tenant(display_name="helm test"))
    try:
        await administration.CreateTenant(request, timeout=CALL_SECONDS, wait_for_ready=True)
    except grpc.aio.AioRpcError as error:
        if error.code() is not grpc.StatusCode.ALREADY_EXISTS:
            raise


def channel(settings: SelftestSettings, key: str | None = None) -> grpc.aio.Channel:
    """Return a channel to the api whose calls have a key, or none."""
    return open_channel(
        settings.address, token=key, ca_file=settings.tls_ca_file, server_name=settings.selftest_server_name
    )
