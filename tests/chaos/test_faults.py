"""What else breaks: a worker that sleeps past its lease, Postgres, the object store, the engines, the disk."""

from __future__ import annotations

import asyncio
import random
import signal
from functools import partial

import pytest

from tests.chaos import load
from tests.chaos.cluster import LEASE_SECONDS, WORKERS, mount_tmpfs, unmount
from tests.chaos.proxy import FAULTS
from tests.chaos.recordings import recording
from tests.chaos.rounds import Chaos


async def sleeping_worker(chaos: Chaos, rng: random.Random) -> None:
    """Stop a worker that holds stages for longer than its lease, then let it go on."""
    chaos.cluster.plan(pace=0.05)
    await asyncio.sleep(1.5)
    for name in WORKERS:
        chaos.cluster.supervisor.signal(name, signal.SIGSTOP)
        await asyncio.sleep(LEASE_SECONDS + 2.0)
        chaos.cluster.supervisor.signal(name, signal.SIGCONT)
        await asyncio.sleep(1.0)


@pytest.mark.timeout(240)
async def test_a_worker_that_sleeps_past_its_lease_changes_nothing(chaos: Chaos) -> None:
    before = sum(chaos.cluster.log(name).count("a lease was lost") for name in WORKERS)
    outcome = await chaos.round("SIGSTOP past the lease", 31, sleeping_worker)
    assert outcome.violations == []
    assert sum(chaos.cluster.log(name).count("a lease was lost") for name in WORKERS) > before


async def postgres_crash(chaos: Chaos, rng: random.Random) -> None:
    """Stop Postgres at once, as a crash does, and start it again, twice."""
    chaos.cluster.plan(pace=0.02)
    for down in (0.1, 3.0):
        await asyncio.sleep(1.5)
        await chaos.cluster.crash_postgres(down)


@pytest.mark.timeout(240)
async def test_an_immediate_stop_of_postgres_loses_nothing(chaos: Chaos) -> None:
    before = len(chaos.cluster.supervisor.ends)
    outcome = await chaos.round("Postgres immediate stop", 41, postgres_crash)
    assert outcome.violations == []
    ended = {end["name"] for end in chaos.cluster.supervisor.ends[before:]} - {"postgres"}
    assert not ended, "a process ended because the database was away"


async def store_faults(chaos: Chaos, rng: random.Random, seconds: float) -> None:
    """Let every kind of fault befall some requests to the object store."""
    shares = {name.replace("-", "_"): 0.04 for name in FAULTS} | {
        "error_in_200": 0.5,
        "short_read": 0.15,
        "wrong_etag": 0.3,
    }
    chaos.cluster.proxy.fault(rng.randrange(1 << 30), **shares)
    await asyncio.sleep(seconds)


@pytest.mark.timeout(240)
async def test_faults_of_the_object_store_lose_nothing(chaos: Chaos) -> None:
    outcome = await chaos.round("object store faults", 51, partial(store_faults, seconds=8.0))
    assert outcome.violations == []
    assert chaos.store_faults.total() > 10


async def engine_faults(chaos: Chaos, rng: random.Random) -> None:
    """Let the engines hang, crash, refuse and talk nonsense."""
    chaos.cluster.plan(pace=0.01, hang=0.08, crash=0.04, busy=0.1, unavailable=0.05, garbage=0.3)
    await asyncio.sleep(8.0)


@pytest.mark.timeout(240)
async def test_engines_that_hang_crash_and_talk_nonsense_harm_no_transcript(chaos: Chaos) -> None:
    outcome = await chaos.round("engines hang, crash, lie", 61, engine_faults)
    assert outcome.violations == []


async def full_disk(chaos: Chaos, rng: random.Random) -> None:
    """Have media decoded that must be seekable, while the scratch disk holds next to nothing."""
    async with load.client(chaos.cluster, chaos.history, rng.randrange(1 << 30)) as mine:
        sent = await mine.send(recording("seekable"))
        asked = await mine.create(sent, diarize=False)
        await asyncio.sleep(1.5)
        unmount(chaos.cluster.scratch)
        await mine.watch(asked)
        assert asked.states[-1] == "SUCCEEDED", asked.states


@pytest.mark.timeout(240)
async def test_a_full_scratch_disk_delays_and_fails_nothing(chaos: Chaos) -> None:
    if not mount_tmpfs(chaos.cluster.scratch, "64k"):
        pytest.skip("this machine does not let us mount a small disk over the scratch folder")
    try:
        outcome = await chaos.round("scratch disk full", 71, full_disk, clients=1)
    finally:
        unmount(chaos.cluster.scratch)
    assert outcome.violations == []
