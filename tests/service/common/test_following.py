"""Calls go to the replicas that a name has now, soon after it has them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import grpc
import pytest
from locution_common.addresses import Address, Places
from locution_common.channels import open_channel
from locution_common.following import FollowingChannel

from tests.service.common.conftest import TOKEN, Stack, serve_echo
from tests.service.common.echo import Client, Request

NAME, FALLBACK = ("replicas.invalid", 50051), ("service.invalid", 50051)
"""Names below .invalid resolve nowhere, so only the test's own look-ups can find the servers."""


class Names:
    """What names resolve to, as the test says."""

    def __init__(self) -> None:
        self._found: dict[Address, Sequence[Address]] = {}
        self.unknown: set[Address] = set()
        self.error: Exception | None = None
        self.asked = asyncio.Event()

    def set(self, name: Address, *stacks: Stack) -> None:
        self._found[name] = [(stack.running.host, stack.running.port) for stack in stacks]

    async def look_up(self, name: Address) -> Sequence[Address] | None:
        self.asked.set()
        if self.error is not None:
            raise self.error
        return None if name in self.unknown else self._found.get(name, [])


@asynccontextmanager
async def following(names: Names, places: Places, **given: Any) -> AsyncIterator[FollowingChannel]:
    def connect(target: str) -> grpc.aio.Channel:
        channel = open_channel(target, token=TOKEN)
        opened.append(channel)
        return channel

    opened: list[grpc.aio.Channel] = []
    fast: dict[str, Any] = {"look_up": names.look_up, "intervals": (0.01, 0.01)}
    async with FollowingChannel(places, connect, **fast, **given) as channel:
        yield channel
    assert all(each.get_state() is grpc.ChannelConnectivity.SHUTDOWN for each in opened)


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(50):
        while not await condition():
            await asyncio.sleep(0.01)


def answering(client: Client) -> Callable[[], Awaitable[bool]]:
    """Return whether a call succeeds; a call that finds no server may only be UNAVAILABLE."""

    async def answers() -> bool:
        try:
            await client.unary(Request(text="hello"))
        except grpc.aio.AioRpcError as error:
            if error.code() is not grpc.StatusCode.UNAVAILABLE:
                raise
            return False
        return True

    return answers


def called(client: Client, *stacks: Stack) -> Callable[[], Awaitable[bool]]:
    """Return whether calls reach all of the servers."""
    for stack in stacks:
        stack.echo.started.clear()

    async def reached() -> bool:
        return await answering(client)() and all(stack.echo.started.is_set() for stack in stacks)

    return reached


async def test_a_name_that_resolves_late_is_used_and_later_replicas_too() -> None:
    names = Names()
    async with serve_echo() as first, serve_echo() as second, following(names, [[NAME]]) as channel:
        client = Client(channel)
        assert not await answering(client)()
        names.set(NAME, first)
        await until(answering(client))
        names.set(NAME, first, second)
        await until(called(client, first, second))
        names.set(NAME)
        assert await answering(client)(), "what was found last is kept while nothing is found"


async def test_the_name_behind_the_semicolon_is_used_only_meanwhile() -> None:
    names = Names()
    async with serve_echo() as pod, serve_echo() as service, following(names, [[NAME], [FALLBACK]]) as channel:
        client = Client(channel)
        names.set(FALLBACK, service)
        await until(answering(client))
        assert service.echo.started.is_set()
        names.set(NAME, pod)
        await until(called(client, pod))
        service.echo.started.clear()
        for _ in range(5):
            await client.unary(Request(text="hello"))
        assert not service.echo.started.is_set()


async def test_a_name_that_cannot_be_asked_for_moves_no_call() -> None:
    names = Names()
    async with serve_echo() as pod, serve_echo() as service, following(names, [[NAME], [FALLBACK]]) as channel:
        names.set(NAME, pod)
        names.set(FALLBACK, service)
        await until(answering(Client(channel)))
        before = channel.target
        for names.unknown, names.error in (({NAME}, None), (set(), RuntimeError("can't start new thread"))):
            for _ in range(3):
                names.asked.clear()
                await names.asked.wait()
            assert channel.target == before
        names.error = None
        names.set(NAME, service)
        await until(called(Client(channel), service))


async def test_credentials_that_cannot_be_read_do_not_end_the_following() -> None:
    names, faults = Names(), [ValueError("nobody expects this")]

    async def renewed() -> bool:
        if faults:
            raise faults.pop()
        return False

    async with serve_echo() as pod, following(names, [[NAME]], renewed=renewed) as channel:
        names.set(NAME, pod)
        await until(answering(Client(channel)))
    assert not faults


async def test_a_stream_ends_where_it_began() -> None:
    names = Names()
    async with serve_echo() as first, serve_echo() as second, following(names, [[NAME]]) as channel:
        client = Client(channel)
        names.set(NAME, first)
        await until(answering(client))
        stream: Any = client.bidi_stream()
        await stream.write(Request(text="before"))
        assert (await stream.read()).text == "before"
        names.set(NAME, second)
        await until(called(client, second))
        first.echo.started.clear()
        await stream.write(Request(text="after"))
        assert (await stream.read()).text == "after"
        assert first.echo.started.is_set()
        await stream.done_writing()
        assert await stream.read() is grpc.aio.EOF
        assert await stream.code() is grpc.StatusCode.OK
        await until(lambda: retired(channel))


async def found(channel: FollowingChannel) -> bool:
    return channel.target.startswith("ipv4:127.0.0.1:")


async def retired(channel: FollowingChannel) -> bool:
    return not channel.retired


async def test_a_waiting_client_is_told_when_the_name_resolves() -> None:
    names = Names()
    async with serve_echo() as stack, following(names, [[NAME]]) as channel:
        waiting = asyncio.create_task(channel.channel_ready())
        await asyncio.sleep(0)
        assert not waiting.done()
        names.set(NAME, stack)
        async with asyncio.timeout(50):
            await waiting
        assert channel.get_state() is grpc.ChannelConnectivity.READY


@pytest.mark.parametrize(
    "form", ["localhost:{}", "dns:///localhost:{}", "localhost:{},localhost:{}", "a.invalid:1;localhost:{}"]
)
async def test_names_are_looked_up_by_the_system(form: str) -> None:
    async with serve_echo() as stack:
        address = form.replace("{}", str(stack.running.port))
        async with open_channel(address, token=TOKEN) as channel:
            assert isinstance(channel, FollowingChannel)
            await until(lambda: found(channel))
            await until(answering(Client(channel)))
