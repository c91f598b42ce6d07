"""After all rounds: what was deleted is gone within a minute, and nothing is left that nobody owns (I10, I11)."""

from __future__ import annotations

import asyncio
import time

import pytest

from tests.chaos import validator
from tests.chaos.rounds import Chaos, Outcome

GONE_SECONDS = 75.0


@pytest.mark.timeout(240)
async def test_nothing_deleted_and_nothing_orphaned_is_left(chaos: Chaos) -> None:
    began = time.monotonic()
    deadline = began + GONE_SECONDS
    while (left := await validator.check_gone(chaos.cluster, chaos.history)) and time.monotonic() < deadline:
        await asyncio.sleep(1.0)
    waited = time.monotonic() - began
    chaos.outcomes.append(Outcome("what is left at the end", 0, 0, waited, 0.0, waited, left))
    assert left == []
