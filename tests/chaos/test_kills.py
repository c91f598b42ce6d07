"""Processes die, at random moments and at named points; nothing that was accepted is lost."""

from __future__ import annotations

import asyncio
import random
import time
from functools import partial

import pytest

from tests.chaos.cluster import WORKERS
from tests.chaos.rounds import Chaos

ROLES = ("api", "worker-1", "worker-2", "registry", "asr", "diarizer", "decode child")
ROUND_KILLS = 8
POINT_SECONDS = 4.0


async def random_kills(chaos: Chaos, rng: random.Random, count: int = ROUND_KILLS) -> None:
    """Kill somebody every second or so."""
    chaos.cluster.plan(pace=0.03)
    killed = 0
    while killed < count:
        await asyncio.sleep(rng.uniform(0.1, 0.7))
        killed += chaos.kill(rng.choice(ROLES))


async def named_kills(chaos: Chaos, rng: random.Random, role: str, count: int) -> None:
    """Let one process die at points that it is known to pass, those first at which none has died yet."""
    for _ in range(count):
        family = WORKERS if role in WORKERS else (role,)
        fired = [name for each, name in chaos.cluster.reached("fired.log") if each in family]
        known = sorted({name for each, name in chaos.cluster.reached() if each in family})
        fresh = [name for name in known if name not in fired] or known
        before = len(chaos.cluster.reached("fired.log"))
        chaos.cluster.arm(role, rng.sample(fresh, (len(fresh) + 1) // 2))
        chaos.kills[f"{role} at a named point"] += await _fired(chaos, before)
        chaos.cluster.disarm()


async def _fired(chaos: Chaos, before: int) -> bool:
    deadline = time.monotonic() + POINT_SECONDS
    while time.monotonic() < deadline:
        if len(chaos.cluster.reached("fired.log")) > before:
            return True
        await asyncio.sleep(0.1)
    return False


@pytest.mark.timeout(240)
@pytest.mark.parametrize("seed", [11])
async def test_kills_at_random_moments(chaos: Chaos, seed: int) -> None:
    outcome = await chaos.round("random kills", seed, random_kills)
    assert outcome.violations == []
    assert outcome.kills >= ROUND_KILLS


@pytest.mark.timeout(240)
@pytest.mark.parametrize(("role", "seed"), [("api", 21), ("worker-1", 22)])
async def test_kills_before_and_after_each_commit_put_and_acknowledgement(chaos: Chaos, role: str, seed: int) -> None:
    outcome = await chaos.round(f"named points of {role}", seed, partial(named_kills, role=role, count=4))
    assert outcome.violations == []
    assert outcome.kills > 0


@pytest.mark.timeout(7200)
async def test_the_long_form_goes_on_until_so_many_kills(chaos: Chaos, kills: int) -> None:
    if not kills:
        pytest.skip("the long form is wanted by LOCUTION_CHAOS_KILLS")
    seed = 1000
    while chaos.kills.total() < kills:
        seed += 1
        role = random.Random(seed).choice(("api", *WORKERS))
        named = seed % 3 == 0
        faults = partial(named_kills, role=role, count=8) if named else partial(random_kills, count=2 * ROUND_KILLS)
        await chaos.round(f"named points of {role}" if named else "random kills", seed, faults)
    assert [what for outcome in chaos.outcomes for what in outcome.violations] == []
