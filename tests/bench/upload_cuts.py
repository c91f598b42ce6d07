"""One upload, cut off at random moments: the client is killed, or its connection reset, and it goes on."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import sys
import time
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from locution_client import Connection
from locution_client.uploads import measure

from tests.bench.command import say
from tests.bench.cut_proxy import CutProxy, Link, cut_proxy
from tests.bench.installation import Installation
from tests.bench.table import Row
from tests.bench.upload_clients import UploadFailed, connection, make_file, ready

SEED: Final = 20261121
MIB: Final = 1 << 20
DELAY: Final = 0.05
"""Seconds after the chosen byte within which a cut falls, so that it falls anywhere within a message."""

KILL: Final = "kill -9 of the client"
KINDS: Final = (KILL, "reset of its connection")


@dataclass(frozen=True, slots=True)
class Plan:
    """A cut: of which kind, once so many bytes were sent and `delay` seconds went by."""

    kind: str
    at: int
    delay: float


@dataclass(slots=True)
class Cuts:
    """What each cut cost in bytes sent again, framing included, and the upload's name in the end."""

    again: list[int]
    name: str = ""
    wire: int = 0


def plans(size: int, count: int) -> list[Plan]:
    """Return cuts at seeded random places, both kinds in turn."""
    chance = random.Random(SEED)
    places = sorted(round(chance.uniform(0.02, 0.98) * size) for _ in range(count))
    return [Plan(KINDS[n % 2], at, chance.uniform(0, DELAY)) for n, at in enumerate(places)]


async def cuts(running: Installation, folder: Path, mebibytes: int, count: int) -> Row:
    """Send one file with so many cuts, and wait until its size and digest were read back."""
    path = await asyncio.to_thread(make_file, folder / "cut", mebibytes)
    wanted = await asyncio.to_thread(measure, path)
    where, began = connection(running), time.perf_counter()
    async with cut_proxy(where.address) as proxy:
        found = await Sending(proxy, where, path, plans(wanted[0], count), Cuts([])).run()
    taken = time.perf_counter() - began
    async with running.client() as client:
        await ready(client, found.name)
        upload = await client.uploads.get(found.name)
    if (upload.size_bytes, upload.sha256) != wanted:
        raise UploadFailed(f"{found.name} is READY with other bytes than were sent")
    return _row(mebibytes, found, taken)


def _row(mebibytes: int, found: Cuts, taken: float) -> Row:
    parts = ", ".join(f"{again / MIB:.1f}" for again in found.again)
    return Row(
        what=f"{mebibytes} MiB by one stream, cut off {len(found.again)} times, sent again for a cut",
        aim="< 8 MiB",
        measured=f"most {max(found.again) / MIB:.1f} MiB",
        ours=f"{parts} MiB; {mebibytes / taken:.0f} MiB/s, cuts and restarts included",
        baseline="one part: 8 MiB",
        remarks=f"{' and '.join(KINDS)} in turn; READY, size and SHA-256 read back; "
        f"{found.wire / MIB - mebibytes:.1f} MiB beyond the file over the wire in all, framing included",
    )


@dataclass(slots=True)
class Sending:
    """The sending of one file through a proxy, by as many processes as it takes."""

    proxy: CutProxy
    where: Connection
    path: Path
    planned: list[Plan]
    found: Cuts
    start: int = 0
    past: list[Link] | None = None

    async def run(self) -> Cuts:
        """Cut as planned, and send to the end."""
        while not self.found.name:
            async with self._process() as process:
                async for verb, value in _told(process):
                    await self._heed(process, verb, value)
        self.found.wire += sum(link.taken for link in self.proxy.links)
        return self.found

    async def _heed(self, process: Process, verb: str, value: str) -> None:
        match verb:
            case "from":
                self._resumed(int(value))
            case "sent" if self.past is None and self.planned and int(value) >= self.planned[0].at:
                await self._cut(process, self.planned.pop(0))
            case "done":
                self.found.name = value

    def _resumed(self, offset: int) -> None:
        if self.past is not None:
            taken = sum(link.taken for link in self.past)
            self.found.wire += taken
            self.found.again.append(self.start + taken - offset)
            say(f"sent again: {self.found.again[-1] / MIB:.2f} MiB, from {offset / MIB:.0f} MiB on")
        self.start, self.past = offset, None

    async def _cut(self, process: Process, plan: Plan) -> None:
        await asyncio.sleep(plan.delay)
        if plan.kind == KILL:
            process.kill()
        else:
            self.proxy.reset()
        self.past = self.proxy.begin_anew()
        say(f"{plan.kind} at {plan.at / MIB:.0f} MiB")

    @asynccontextmanager
    async def _process(self) -> AsyncIterator[Process]:
        settings = {"LOCUTION_ADDRESS": self.proxy.address, "LOCUTION_API_KEY": self.where.api_key}
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tests.bench.cut_sender", str(self.path)), stdout=PIPE, env=os.environ | settings
        )
        try:
            yield process
        finally:
            if process.returncode is None:
                process.kill()
            code = await process.wait()
        if code not in (0, -signal.SIGKILL):
            raise UploadFailed(f"the client ended with {code}")


async def _told(process: Process) -> AsyncIterator[tuple[str, str]]:
    assert process.stdout is not None
    async for line in process.stdout:
        verb, _, value = line.decode().strip().partition(" ")
        yield verb, value
    await process.wait()
