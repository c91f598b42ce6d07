"""Mixed load: several clients at once, each doing what clients do, until the time is over."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import grpc
from locution_common.channels import open_channel

from tests.chaos import errands
from tests.chaos.client import Client, Gone
from tests.chaos.cluster import KEY, Cluster
from tests.chaos.history import Asked, History
from tests.chaos.recordings import recording

CLIENTS = 4


@asynccontextmanager
async def client(cluster: Cluster, history: History, seed: int) -> AsyncIterator[Client]:
    """Give one client."""
    async with open_channel(cluster.address, token=KEY) as channel:
        yield Client(channel, history, random.Random(seed))


async def load(cluster: Cluster, history: History, seed: int, stop: asyncio.Event, clients: int = CLIENTS) -> None:
    """Run clients until `stop`, then let each bring what it began to its end."""
    async with asyncio.TaskGroup() as group:
        for number in range(clients):
            group.create_task(_client(cluster, history, seed * 1000 + number, stop))


async def _client(cluster: Cluster, history: History, seed: int, stop: asyncio.Event) -> None:
    async with client(cluster, history, seed) as mine:
        while not stop.is_set():
            await errand(mine)


async def errand(mine: Client) -> None:
    """Send a recording, have a job or two made of it, and end them as chance wills."""
    rng = mine.rng
    match rng.choices(("", "give up", "misstate"), (80, 13, 7))[0]:
        case "give up":
            await errands.give_up(mine)
        case "misstate":
            await errands.misstate(mine)
    name = rng.choices(("short", "long", "wide"), (5, 3, 1))[0]
    if name == "wide" and rng.random() < 0.4:
        sent = await mine.send_parts(recording(name))
    else:
        sent = await mine.send(recording(name), cuts=rng.randrange(3))
    if not sent.ready:
        return
    for _ in range(rng.randrange(1, 3)):
        await _job(mine, await mine.create(sent, diarize=rng.random() < 0.6))
    if rng.random() < 0.3:
        await mine.delete_upload(sent)


async def _job(mine: Client, asked: Asked) -> None:
    meddling = asyncio.create_task(_meddle(mine, asked))
    try:
        with suppress(Gone):
            await mine.watch(asked)
    finally:
        await meddling
    if asked.states and asked.states[-1] in ("CANCELLED", "FAILED") and not asked.deleting and mine.rng.random() < 0.7:
        again = await mine.retry(asked)
        with suppress(Gone):
            await mine.watch(again)
    if asked.ended_at is not None and not asked.deleting and mine.rng.random() < 0.2:
        await errands.delete_many(mine, asked)


async def _meddle(mine: Client, asked: Asked) -> None:
    draw = mine.rng.random()
    await asyncio.sleep(mine.rng.uniform(0.0, 2.0))
    with suppress(grpc.aio.AioRpcError):
        if draw < 0.15:
            await mine.cancel(asked)
        elif draw < 0.3:
            await mine.delete(asked)
        elif draw < 0.5:
            await errands.retag(mine, asked, "looked-at")
        if draw >= 0.3:
            await errands.look(mine, asked)
