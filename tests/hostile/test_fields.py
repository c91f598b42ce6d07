"""Every field of every request with hostile values, as each role: refused clearly or served, never INTERNAL or UNKNOWN."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Iterator

import psutil
import pytest
from locution.v1 import job_service_pb2 as jobs
from locution_common.service import tame_garbage_collection

from tests.hostile.attacker import Attacker, Shot, attacking
from tests.hostile.sizes import size
from tests.hostile.values import cases
from tests.hostile.watch import Callbacks, callbacks, neighbour, slots_held
from tests.service.gateway.identity.rpcs import Rpc, id_fields, rpcs
from tests.service.gateway.identity.test_matrix import BASE
from tests.service.gateway.identity.world import ROLES, World

pytestmark = pytest.mark.timeout(3000)

CASES = size("CASES", 6_000, 50_000)
"""Cases of a run."""

LONGEST_CALLBACK = 0.05
"""Seconds of processor time: what others may have to wait for. A longer one is measured again, alone."""

MEMORY_GROWTH = 512 << 20
"""Bytes by which the process may grow; the test's own lists and the database driver's caches are among them."""

QUIET_SECONDS = 5.0
"""How long the neighbour is measured alone, for comparison."""

DESTRUCTIVE = ("Delete", "Revoke", "Rotate", "Logout", "Reset", "Change", "Disable", "Batch", "End", "UpdateTenant")
UNSERVED = {"locution.v1.LiveService"}
"""An api without engines does not serve it."""

FORBIDDEN = {"INTERNAL", "UNKNOWN"}

Case = tuple[str, Rpc, str | None, bytes]


def valid(rpc: Rpc, world: World) -> bytes:
    """Return a request that names what the attacker's tenant has."""
    request = rpc.request()
    if rpc.name in BASE:
        BASE[rpc.name](request)
    for path, kind in id_fields(rpc.descriptor.input_type):
        place = request
        for step in path[:-1]:
            place = getattr(place, step)
        if kind in world.mine.things and not rpc.name.startswith("Create"):
            setattr(place, path[-1], world.mine.things[kind])
    return bytes(request.SerializeToString())


def every_case(world: World) -> Iterator[Case]:
    keys = {role: world.mine.keys[role] for role in ROLES}
    for rpc in (each for each in rpcs() if each.service not in UNSERVED):
        base = valid(rpc, world)
        for name, written in cases(rpc.descriptor.input_type):
            for role, key in [*keys.items(), ("NOBODY", None)]:
                yield f"{rpc.name} {name} as {role}", rpc, key, base + written


def chosen(world: World, count: int) -> list[Case]:
    """Return some cases, or all again and again; what ends the attacker's own tenant comes last."""
    every = list(every_case(world))
    rng = random.Random(13)
    picked = [case for _ in range(count // len(every)) for case in every] + rng.sample(every, count % len(every))
    rng.shuffle(picked)
    return sorted(picked, key=lambda case: case[1].name.startswith(DESTRUCTIVE))


def shot(case: Case) -> Shot:
    _, rpc, key, request = case
    return Shot(rpc.method, rpc.descriptor.client_streaming, rpc.descriptor.server_streaming, key, request)


async def repeated(attacker: Attacker, case: Case, measured: Callbacks) -> float:
    """Make a call three times; return the least of its longest callbacks: its cost without the noise of the machine."""
    found = []
    for _ in range(3):
        measured.take()
        await attacker.send(shot(case))
        found.append(measured.take())
    return min(found)


async def test_no_value_breaks_anything(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    picked = chosen(world, CASES)
    tame_garbage_collection()
    before = psutil.Process().memory_info().rss
    codes: Counter[str] = Counter()
    wrong: list[str] = []
    slow: list[Case] = []
    other = await world.client(world.theirs.keys["VIEWER"])
    async with neighbour(other) as quiet:
        await asyncio.sleep(QUIET_SECONDS)
    with attacking(world.api.running.address) as attacker, callbacks() as measured:
        await attacker.send(shot(picked[0]))  # starts the process
        async with neighbour(other) as calm:
            for case in picked:
                code = await attacker.send(shot(case))
                if measured.take() > LONGEST_CALLBACK:
                    slow.append(case)
                codes[code.split()[0]] += 1
                if code.split()[0] in FORBIDDEN or (code.endswith("None") and code.split()[0] != "DEADLINE_EXCEEDED"):
                    wrong.append(f"{case[0]}: {code}")
        again = [await repeated(attacker, case, measured) for case in slow]
    grown = psutil.Process().memory_info().rss - before
    health, registry = world.api.running.context.health, world.api.running.context.registry
    held = slots_held(registry)
    with capsys.disabled():
        print(
            f"\nhostile: {len(picked)} cases, {dict(codes.most_common())}, longest callback {measured.longest * 1e3:.0f} ms "
            f"and {measured.collector * 1e3:.0f} ms of the garbage collector"
        )
        print(
            f"neighbour: {len(calm.seconds)} calls, p95 {calm.p95() * 1e3:.0f} ms, {calm.p95() / quiet.p95():.1f} times "
            f"the quiet {quiet.p95() * 1e3:.0f} ms; worst {max(calm.seconds) * 1e3:.0f} ms; "
            f"memory grew by {grown >> 20} MiB; longest callback: {measured.what}"
        )
    assert wrong == []
    assert held == {}
    assert grown <= MEMORY_GROWTH
    member = await world.client(world.theirs.keys["MEMBER"])
    canary = await member.job((await member.upload(b"a canary")).name)
    assert (await member.get_job(canary.name)).state == jobs.Job.STATE_QUEUED
    assert len(calm.seen) == 1, "the neighbour saw something change"
    assert health.faults == {}
    assert not health.failing_tasks
    assert max(again, default=0) <= LONGEST_CALLBACK, measured.what
