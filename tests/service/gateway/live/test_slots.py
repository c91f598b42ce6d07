"""Live slots are shared by tenants: an idle one is lent, and its tenant gets it back."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack

import grpc
import pytest
from locution.v1.live_service_pb2_grpc import LiveServiceStub
from locution_common.interceptors import remote_failure

from tests.service.gateway.identity.world import Party, World, new_tenant
from tests.service.gateway.live.conftest import ServeLive
from tests.service.gateway.live.talk import Speaker, Talk, noise


async def test_a_tenant_gets_its_floor_back_and_the_ended_session_resumes(serve_live: ServeLive) -> None:
    async with serve_live(live_streams=2) as house, AsyncExitStack() as stack:
        world = World(house.gateway, stack, Party("acme"), Party("umbrella"))
        speakers = []
        for party in (world.mine, world.theirs):
            await new_tenant(world, party)
            speakers.append(Speaker(LiveServiceStub(await world.channel(party.keys["MEMBER"]))))
        greedy, other = speakers
        kept, lent = [await speaking(greedy) for _ in range(2)]
        ending = asyncio.create_task(lent.rest())
        wanted = other.talk()
        async with asyncio.timeout(30):
            await wanted.begin()
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await ending
        failure = remote_failure(caught.value)
        assert failure.reason == "LIVE_OVERLOADED"
        assert failure.retry_after
        await wanted.finish()
        again = greedy.talk()
        resumed = await again.resume(lent.started.resume_token)
        assert resumed.next_offset == 8000
        for talk in (again, kept):
            await talk.finish()


async def speaking(speaker: Speaker) -> Talk:
    """Open a stream that has sent half a second; its slot is taken before the next one's."""
    talk = speaker.talk()
    await talk.begin()
    await talk.send(noise(0.5))
    await talk.until_ack(8000)
    return talk
