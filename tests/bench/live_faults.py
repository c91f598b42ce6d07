"""Faults in the middle of a sentence: kill -9 of engine and gateway, and a client that drops."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Mapping

from locution_client.live import Session

from tests.bench.command import say
from tests.bench.installation import Installation
from tests.bench.live_client import Fault, listen
from tests.bench.recipes import several_files
from tests.bench.recordings import RATE
from tests.bench.table import Row

LENGTH = 12
"""Seconds of each stream."""

SPEED = 2.0
"""Audio comes twice as fast as it was spoken: the faults are as many, in half the time."""


async def faults(running: Installation, small: bool, times: int) -> list[Row]:
    """Strike each way `times` times at random moments, and compare with an undisturbed stream."""
    audio = several_files(1)[0][: LENGTH * RATE]
    chance = random.Random(20261121)
    rows = []
    async with running.client() as client:
        clean = await listen(client, audio, speed=SPEED)
        for name, fault in _faults(running).items():
            same = lost = resumed = 0
            for number in range(times):
                after = chance.uniform(2.0, LENGTH - 3.0) / SPEED
                heard = await listen(client, audio, speed=SPEED, fault=fault, fault_after=after)
                same += heard.text == clean.text
                lost += heard.seconds != clean.seconds
                resumed += heard.resumed
                say(f"{name} {number + 1}: {'same' if heard.text == clean.text else repr(heard.text)}")
            rows.append(
                Row(f"{name}, mid-sentence, {times} times", "no sample lost, text as undisturbed",
                    f"{same} of {times} the same text, {lost} with lost samples", "", "", f"{resumed} resumes")
            )  # fmt: skip
    return rows


def _faults(running: Installation) -> Mapping[str, Fault]:
    async def strike(name: str) -> None:
        await asyncio.to_thread(running.stack, "kill", name)
        await asyncio.to_thread(running.stack, "start", name)

    async def engine(_: Session) -> None:
        await strike("asr")

    async def gateway(_: Session) -> None:
        await strike("gateway")

    async def client(session: Session) -> None:
        session.drop()

    return {"kill -9 of asr": engine, "kill -9 of the gateway": gateway, "a dropped client": client}
