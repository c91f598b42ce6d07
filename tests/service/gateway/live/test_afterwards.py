"""What becomes of a session: as its client says, else its tenant, else the server."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from locution.v1 import administration_service_pb2 as administration
from locution.v1 import identity_pb2 as identity
from locution.v1 import job_service_pb2 as jobs
from locution.v1 import live_service_pb2 as pb
from locution.v1.administration_service_pb2_grpc import AdministrationServiceStub
from locution.v1.live_service_pb2_grpc import LiveServiceStub
from locution_common.channels import open_channel

from tests.service.gateway.client import refusal
from tests.service.gateway.conftest import KEY
from tests.service.gateway.live.conftest import House, ServeLive
from tests.service.gateway.live.talk import Speaker, config, noise

DELETE, JOB = pb.LiveConfig.AFTERWARDS_DELETE, pb.LiveConfig.AFTERWARDS_JOB


async def settle_tenant(house: House, afterwards: pb.LiveConfig.Afterwards.ValueType) -> administration.TenantSettings:
    """Set the default of the tenant of the tests, and nothing else of its settings."""
    tenant = await house.gateway.owner.fetchval("SELECT name FROM gateway.tenants LIMIT 1")
    settings = administration.TenantSettings(
        name=f"tenants/{tenant}/settings", live_defaults=administration.LiveDefaults(afterwards=afterwards)
    )
    request = administration.UpdateTenantSettingsRequest(settings=settings)
    request.update_mask.paths.append("live_defaults.afterwards")
    async with open_channel(house.gateway.running.address, token=KEY) as channel:
        return await AdministrationServiceStub(channel).UpdateTenantSettings(request)


async def session_of(house: House, wanted: pb.LiveConfig) -> tuple[pb.LiveSession, str]:
    talk = await house.speaker.whole(noise(1.0), wanted)
    assert talk.done is not None
    return await house.speaker.stub.GetSession(pb.GetSessionRequest(name=talk.started.session)), talk.done.job


async def test_a_tenants_default_keeps_what_the_server_would_delete(house: House) -> None:
    kept = await settle_tenant(house, JOB)
    assert kept.live_defaults.afterwards == JOB
    session, job = await session_of(house, config())
    assert job
    assert session.config.afterwards == JOB
    assert session.config_origins["afterwards"] == jobs.CONFIG_ORIGIN_TENANT


async def test_a_request_goes_before_its_tenant(house: House) -> None:
    await settle_tenant(house, JOB)
    session, job = await session_of(house, config(afterwards=DELETE))
    assert not job
    assert session.config_origins["afterwards"] == jobs.CONFIG_ORIGIN_REQUEST


@pytest.mark.parametrize("server", ["DELETE", "JOB"])
async def test_the_server_decides_where_nobody_says(serve_live: ServeLive, server: str) -> None:
    async with serve_live(live_afterwards=server) as house:
        await settle_tenant(house, pb.LiveConfig.AFTERWARDS_UNSPECIFIED)
        session, job = await session_of(house, config())
    assert bool(job) == (server == "JOB")
    assert session.config_origins["afterwards"] == jobs.CONFIG_ORIGIN_SERVER


@asynccontextmanager
async def speaker_with(house: House, *scopes: identity.Scope.ValueType) -> AsyncIterator[Speaker]:
    """Yield a speaker with a key of these scopes."""
    tenant = await house.gateway.owner.fetchval("SELECT name FROM gateway.tenants LIMIT 1")
    key = identity.ApiKey(role=identity.ROLE_MEMBER, scopes=scopes)
    request = administration.CreateTenantApiKeyRequest(parent=f"tenants/{tenant}", api_key=key)
    address = house.gateway.running.address
    async with open_channel(address, token=KEY) as channel:
        issued = await AdministrationServiceStub(channel).CreateTenantApiKey(request)
    async with open_channel(address, token=issued.secret) as channel:
        yield Speaker(LiveServiceStub(channel))


async def test_a_key_for_live_alone_makes_no_job(house: House) -> None:
    async with speaker_with(house, identity.SCOPE_LIVE) as speaker:
        refused = await refusal(speaker.talk().begin(config(afterwards=JOB)))
    assert (refused.code, refused.reason, refused.metadata["scope"]) == (
        "PERMISSION_DENIED",
        "PERMISSION_DENIED",
        "JOBS_WRITE",
    )
    assert await house.gateway.owner.fetchval("SELECT count(*) FROM gateway.live_sessions") == 0


async def test_a_key_for_live_and_jobs_makes_one(house: House) -> None:
    async with speaker_with(house, identity.SCOPE_LIVE, identity.SCOPE_JOBS_WRITE) as speaker:
        done = (await speaker.whole(noise(1.0), config(afterwards=JOB))).done
    assert done is not None
    assert done.job


@pytest.mark.parametrize("default", [DELETE, JOB])
async def test_a_tenants_default_applies_to_every_key(
    house: House, default: pb.LiveConfig.Afterwards.ValueType
) -> None:
    await settle_tenant(house, default)
    async with speaker_with(house, identity.SCOPE_LIVE) as speaker:
        done = (await speaker.whole(noise(1.0), config())).done
    assert done is not None
    assert bool(done.job) == (default == JOB)
