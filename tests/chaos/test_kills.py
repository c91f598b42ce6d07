"""Processes die, at random moments and at named points; nothing that was accepted is lost."""

from __future__ import annotations

import asyncio
import random

import pytest

from tests.chaos.rounds import Chaos

ROLES = ("api", "worker-1", "worker-2", "registry", "asr", "diarizer", "decode child")
ROUND_KILLS = 8


async def random_kills(chaos: Chaos, rng: random.Random) -> None:
    """Kill somebody every second or so."""
    chaos.cluster.plan(pace=0.02)
    killed = 0
    while killed < ROUND_KILLS:
        await asyncio.sleep(rng.uniform(0.3, 1.2))
        killed += chaos.kill(rng.choice(ROLES))


@pytest.mark.timeout(240)
@pytest.mark.parametrize("seed", [11, 12])
async def test_kills_at_random_moments(chaos: Chaos, seed: int) -> None:
    outcome = await chaos.round("random kills", seed, random_kills)
    assert outcome.violations == []
    assert outcome.kills >= ROUND_KILLS
