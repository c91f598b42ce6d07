"""A receiver of webhooks under the load, on a thread of its own: what the events of the jobs came to (I12).

It is the receiver of the webhooks' own tests: a real HTTP server. Every signature is checked as the request comes.
"""

from __future__ import annotations

import asyncio
import random
import threading
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from locution.v1 import webhook_service_pb2 as pb
from locution_client import Client

from tests.chaos.history import TERMINAL, History
from tests.service.gateway.webhooks.receiver import Received, Receiver, answer, receiving
from tests.support.standard_webhooks import WebhookVerificationError, verify

SETTINGS: Final = {
    "LOCUTION_WEBHOOK_ALLOW": "127.0.0.0/8",
    "LOCUTION_WEBHOOK_ALLOW_HTTP": "true",
    "LOCUTION_WEBHOOK_TIMEOUT_SECONDS": "1",
    "LOCUTION_WEBHOOK_ATTEMPTS": "100",
    "LOCUTION_WEBHOOK_RETRY_SECONDS": "0.2",
    "LOCUTION_WEBHOOK_RETRY_CEILING_SECONDS": "1",
}
"""Loopback, short waits, and no death of a delivery by the deaths of its senders."""

EVENTS: Final = ("JOB_QUEUED", "JOB_RUNNING", "JOB_SUCCEEDED", "JOB_FAILED", "JOB_CANCELLED")


@dataclass(frozen=True, slots=True)
class Arrival:
    """One request whose signature was good."""

    delivery: str
    job: str
    type: str
    sequence: int


@dataclass
class Hooks:
    """The receiver: what came, and what was wrong with it. A share of requests is refused, or not answered."""

    arrivals: list[Arrival] = field(default_factory=list)
    violations: list[str] = field(default_factory=list)
    refused: Counter[str] = field(default_factory=Counter)
    failing: float = 0.0
    name: str = ""
    _secret: str = ""

    def __post_init__(self) -> None:
        self._rng = random.Random(5)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="webhooks", daemon=True)
        self._thread.start()
        self._running = receiving()
        self._receiver: Receiver = self._call(self._running.__aenter__())
        self._receiver.judge = self._judge

    async def register(self, client: Client) -> None:
        """Have every event of every job told."""
        types = [pb.WebhookEventType.Value(f"WEBHOOK_EVENT_TYPE_{event}") for event in EVENTS]
        made = await client.webhooks.create(pb.Webhook(url=self._receiver.url, event_types=types))
        self.name, self._secret = made.name, made.secret

    def close(self) -> None:
        """End it with every connection."""
        self._call(self._running.__aexit__(None, None, None))
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def _call(self, wanted: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(wanted, self._loop).result(10)

    def _judge(self, request: Received) -> bytes | None:
        try:
            told = verify(request.headers, request.body, self._secret)
        except WebhookVerificationError as error:
            self.violations.append(f"I12 a webhook came whose signature is bad: {error}")
            return answer(401)
        job, kind = told["job"], told["type"]
        if kind != f"job.{job['state'].lower()}" or told["id"] != request.headers["webhook-id"]:
            self.violations.append(f"I12 {job['name']}: a webhook contradicts itself: {told}")
        self.arrivals.append(Arrival(told["id"], job["name"], kind, told["sequence"]))
        return self._answered()

    def _answered(self) -> bytes | None:
        """Refuse some and leave some unanswered, which have arrived all the same and come again."""
        if self._rng.random() >= self.failing:
            return answer(204)
        fault = self._rng.choice(("500", "503", "silence"))
        self.refused[fault] += 1
        return None if fault == "silence" else answer(int(fault))


def order(arrivals: Sequence[Arrival]) -> list[str]:
    """I12: those of a job arrive for the first time in the order of its events, each event as one delivery."""
    first: dict[str, Arrival] = {}
    for each in arrivals:
        if first.setdefault(each.delivery, each) != each:
            return [f"I12 {each.job}: delivery {each.delivery} told two events"]
    found: list[str] = []
    last: defaultdict[str, int] = defaultdict(int)
    for each in first.values():
        if each.sequence <= last[each.job]:
            found.append(f"I12 {each.job}: webhook {each.sequence} ({each.type}) came after {last[each.job]}")
        last[each.job] = each.sequence
    return found


async def missing(owner: Any, history: History, arrivals: Sequence[Arrival]) -> list[str]:
    """I12: every change of state of every job arrived; of jobs that are deleted, those that a watcher was told."""
    came = {(each.job, each.sequence, each.type) for each in arrivals}
    rows = await owner.fetch(
        """SELECT 'jobs/' || job_id AS job, event_id, 'job.' || lower(payload->>'state') AS type
           FROM gateway.job_events WHERE kind = 'STATE_CHANGED'"""
    )
    found = [
        f"I12 {job}: webhook {number} ({kind}) never came"
        for job, number, kind in rows
        if (job, number, kind) not in came
    ]
    told = {(job, kind) for job, _, kind in came}
    for asked in history.jobs.values():
        unseen = [state for state in asked.states if (asked.name, f"job.{state.lower()}") not in told]
        found += [f"I12 {asked.name}: a watcher was told of {state}, no webhook was" for state in unseen]
    return found


async def waiting(owner: Any) -> list[str]:
    """Return the deliveries that are not yet taken, for the end, and those that died."""
    rows = await owner.fetch(
        "SELECT delivery_id, state, error FROM gateway.webhook_deliveries WHERE state <> 'DELIVERED'"
    )
    return [f"I12 delivery {delivery} is {state}: {error}" for delivery, state, error in rows]


def ended(arrivals: Sequence[Arrival]) -> int:
    """Count the jobs whose end arrived."""
    return len({each.job for each in arrivals if each.type.removeprefix("job.").upper() in TERMINAL})
