"""A round: faults under load, then healing, recovery within a minute, and the validator."""

from __future__ import annotations

import asyncio
import random
import signal
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from tests.chaos import load, points, validator
from tests.chaos.cluster import Cluster, kill
from tests.chaos.history import History, uuid_of
from tests.chaos.recordings import recording
from tests.chaos.validator import Baseline

RECOVERY_SECONDS = 60.0
WEBHOOKS_FAILING = 0.1
Faults = Callable[["Chaos", random.Random], Awaitable[None]]


@dataclass
class Outcome:
    """One round, for the report."""

    name: str
    seed: int
    kills: int
    seconds: float
    ready: float
    recovery: float
    violations: list[str]


@dataclass
class Chaos:
    """A cluster with its clients' history over all rounds."""

    cluster: Cluster
    history: History = field(default_factory=History)
    baseline: Baseline = field(default_factory=lambda: Baseline({}))
    kills: Counter[str] = field(default_factory=Counter)
    outcomes: list[Outcome] = field(default_factory=list)
    told: set[str] = field(default_factory=set)
    """Violations of earlier rounds, which are not told again."""

    @property
    def store_faults(self) -> Counter[str]:
        """Return how many requests to the object store each fault befell."""
        return self.cluster.proxy.dice.drawn

    def kill(self, role: str) -> bool:
        """Kill a process, or a decoding child, with SIGKILL; tell whether there was one."""
        if role == "decode child":
            pids = self.cluster.decode_children()
            hit = bool(pids) and kill(pids[0])
        else:
            hit = self.cluster.supervisor.signal(role, signal.SIGKILL)
        self.kills[role] += hit
        return hit

    def died(self, role: str) -> int:
        """Return how often a process died at a named point."""
        return sum(each == role for each, _ in self.cluster.reached("fired.log"))

    def points_left(self, role: str) -> set[str]:
        """Return the named points at which neither it nor another of its kind has died yet."""
        kind = points.family(role)
        fired = {name for each, name in self.cluster.reached("fired.log") if points.family(each) == kind}
        return set(points.points(kind)) - fired

    async def undisturbed(self) -> None:
        """Run each recording once without faults, for comparison."""
        transcripts = {}
        owner = await self.cluster.owner()
        try:
            async with load.client(self.cluster, self.history, 1) as mine:
                for name in ("short", "long", "wide"):
                    sent = await mine.send(recording(name))
                    for diarize in (False, True):
                        asked = await mine.create(sent, diarize)
                        await mine.watch(asked)
                        transcripts[name, diarize] = await validator.transcript(owner, uuid_of(asked.name))
        finally:
            await owner.close()
        assert all(transcripts.values()), "an undisturbed run gave no text"
        self.baseline = Baseline(transcripts)

    async def round(self, name: str, seed: int, faults: Faults, clients: int = load.CLIENTS) -> Outcome:
        """Let faults happen under load, heal, wait, check, and note how it went."""
        print(f"chaos round {name!r}, seed {seed}")
        began, before, stop = time.monotonic(), self.kills.total(), asyncio.Event()
        working = asyncio.create_task(load.load(self.cluster, self.history, seed, stop, clients))
        self.cluster.hooks.failing = WEBHOOKS_FAILING
        try:
            await faults(self, random.Random(seed))
        finally:
            stop.set()
            self.heal()
        ready = await asyncio.to_thread(self.cluster.wait_ready)
        recovery = await self.recovered(working)
        found = await validator.check(self.cluster, self.history, self.baseline)
        violations = sorted(set(found) - self.told)
        self.told.update(violations)
        outcome = Outcome(
            name, seed, self.kills.total() - before, time.monotonic() - began, ready, recovery, violations
        )
        self.outcomes.append(outcome)
        print(f"  {outcome.kills} kills in {outcome.seconds:.1f} s, ready {ready:.1f} s, recovered {recovery:.1f} s")
        print("".join(f"  VIOLATED {what}\n" for what in violations), end="")
        return outcome

    def heal(self) -> None:
        """End all faults."""
        self.cluster.disarm()
        self.cluster.proxy.clean()
        self.cluster.hooks.failing = 0.0
        self.cluster.plan(pace=0.0)

    async def recovered(self, working: asyncio.Task[None]) -> float:
        """Wait until every client is served and every job has ended; return how long that took from readiness."""
        began = time.monotonic()
        await working
        while left := await validator.unfinished(self.cluster, self.history):
            assert time.monotonic() - began < RECOVERY_SECONDS, f"I3 not ended after {RECOVERY_SECONDS:.0f} s: {left}"
            await asyncio.sleep(0.2)
        return time.monotonic() - began
