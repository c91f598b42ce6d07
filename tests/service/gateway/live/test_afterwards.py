"""What becomes of a session: as its client says, else its tenant, else the server."""

from __future__ import annotations

import pytest
from locution.v1 import administration_service_pb2 as administration
from locution.v1 import job_service_pb2 as jobs
from locution.v1 import live_service_pb2 as pb
from locution.v1.administration_service_pb2_grpc import AdministrationServiceStub
from locution_common.channels import open_channel

from tests.service.gateway.conftest import KEY
from tests.service.gateway.live.conftest import House, ServeLive
from tests.service.gateway.live.talk import config, noise

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
