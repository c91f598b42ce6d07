"""Processes die, at random moments and at named points; nothing that was accepted is lost."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from collections.abc import Callable
from functools import partial

import pytest

from tests.chaos import load
from tests.chaos.cluster import WORKERS
from tests.chaos.recordings import recording
from tests.chaos.rounds import Chaos

ROLES = ("api", "worker-1", "worker-2", "registry", "asr", "diarizer", "decode child")
ROUND_KILLS = 8
ROLES_WITH_POINTS = ("api", *WORKERS)
NAMED_SECONDS = 40.0
NAMED_KILLS = 10


async def random_kills(chaos: Chaos, rng: random.Random, count: int = ROUND_KILLS) -> None:
    """Kill somebody every second or so."""
    chaos.cluster.plan(pace=0.03)
    killed = 0
    while killed < count:
        await asyncio.sleep(rng.uniform(0.1, 0.7))
        killed += chaos.kill(rng.choice(ROLES))


async def named_kills(chaos: Chaos, rng: random.Random, count: int, few: bool = False) -> None:
    """Keep api and workers armed with every point at which none has died yet, until each of them died so often.

    A process that was started again is armed once it serves and has been let alone for a moment. With `few`, each time a
    half of the points, drawn by chance.
    """
    chaos.cluster.plan(pace=0.02, hang=0.04, crash=0.02, busy=0.1, unavailable=0.08, garbage=0.15)
    chaos.cluster.proxy.fault(rng.randrange(1 << 30), error_in_200=0.05, short_read=0.02)
    async with asyncio.TaskGroup() as group:
        for role in ROLES_WITH_POINTS:
            group.create_task(_deaths(chaos, random.Random(rng.random()), role, count, few))
        if not few:
            group.create_task(_vast(chaos, rng.randrange(1 << 30)))


async def _deaths(chaos: Chaos, rng: random.Random, role: str, count: int, few: bool) -> None:
    deadline = time.monotonic() + NAMED_SECONDS
    for _ in range(count):
        left = sorted(chaos.points_left(role))
        if not left or not await _serves(chaos, role, deadline):
            return
        await asyncio.sleep(rng.uniform(0.2, 0.8))
        before = chaos.died(role)
        chaos.cluster.arm(role, rng.sample(left, (len(left) + 1) // 2) if few else left)
        if not await _until(lambda before=before: chaos.died(role) > before, deadline):  # type: ignore[misc]
            return
        chaos.kills[f"{role} at a named point"] += 1


async def _vast(chaos: Chaos, seed: int) -> None:
    """Have a recording transcribed whose decoded audio the worker stores in parts."""
    async with load.client(chaos.cluster, chaos.history, seed) as mine:
        await mine.watch(await mine.create(await mine.send(recording("vast")), diarize=False))


async def _serves(chaos: Chaos, role: str, deadline: float) -> bool:
    while not (served := await asyncio.to_thread(chaos.cluster.ready, role)) and time.monotonic() < deadline:
        await asyncio.sleep(0.1)
    return served


async def _until(happened: Callable[[], bool], deadline: float) -> bool:
    while not (hit := happened()) and time.monotonic() < deadline:
        await asyncio.sleep(0.05)
    return hit


@pytest.mark.timeout(240)
@pytest.mark.parametrize("seed", [11])
async def test_kills_at_random_moments(chaos: Chaos, seed: int) -> None:
    outcome = await chaos.round("random kills", seed, random_kills)
    assert outcome.violations == []
    assert outcome.kills >= ROUND_KILLS


@pytest.mark.timeout(240)
async def test_kills_before_and_after_each_commit_put_and_acknowledgement(chaos: Chaos) -> None:
    before = Counter({role: chaos.died(role) for role in ROLES_WITH_POINTS})
    outcome = await chaos.round("named points, a few", 21, partial(named_kills, count=2, few=True))
    assert outcome.violations == []
    assert all(chaos.died(role) > before[role] for role in ROLES_WITH_POINTS)


@pytest.mark.timeout(7200)
async def test_the_long_form_goes_on_until_so_many_kills(chaos: Chaos, kills: int) -> None:
    """Rounds of named points until two have added nothing, random kills among them and for the rest."""
    if not kills:
        pytest.skip("the long form is wanted by LOCUTION_CHAOS_KILLS")
    seed, fruitless = 1000, 0
    while chaos.kills.total() < kills:
        seed += 1
        if seed % 4 and fruitless < 2:
            outcome = await chaos.round("named points", seed, partial(named_kills, count=NAMED_KILLS))
            fruitless = 0 if outcome.kills else fruitless + 1
        else:
            await chaos.round("random kills", seed, partial(random_kills, count=2 * ROUND_KILLS))
    assert [what for outcome in chaos.outcomes for what in outcome.violations] == []
