"""Thousands of bent media files end as audio or as a documented reason, within their limits, and nothing is left."""

from __future__ import annotations

import asyncio
import os
import random
import re
import signal
import time
from collections import Counter
from pathlib import Path

import psutil
import pytest
from locution_common.errors import Reason, Refused
from locution_gateway.media import process
from locution_gateway.media.decode import decode
from locution_gateway.media.models import ChannelMode, DecodeLimits, DecodeSpec, Opening
from locution_gateway.media.ready import Children

from tests.data import media_files as files
from tests.hostile.media.forks import Used, warm
from tests.hostile.media.mutations import mutated
from tests.hostile.media.seeds import Seed, seeds
from tests.hostile.media.structure import parts
from tests.hostile.sizes import size
from tests.service.gateway.media.support import Dropped, children, pieces

pytestmark = pytest.mark.timeout(3600)

CASES = size("MEDIA_CASES", 500, 20_000)
"""Cases of a run."""

SEED = int(os.environ.get("LOCUTION_HOSTILE_MEDIA_SEED", "17"))
FIRST = int(os.environ.get("LOCUTION_HOSTILE_MEDIA_FIRST", "0"))
"""The number of the first case, to run one again."""

REPOSITORY = Path(__file__).resolve().parents[3]
LIMITS = DecodeLimits(media_seconds=3600, cpu_seconds=10, stall_seconds=15.0, wall_seconds=30.0)
DOCUMENTED = {reason.value for reason in Reason if reason.startswith("MEDIA_")} - {"MEDIA_DECODER_CRASHED"}


def made(number: int, good: list[Seed]) -> tuple[str, bytes]:
    """Make a case, the same whenever the number is the same."""
    rng = random.Random(f"{SEED}:{number}")
    seed = good[number % len(good)]
    what, data = mutated(seed.data, rng, [other.data for other in good])
    return f"case {number}: {seed.name}: {what}", data


async def outcome(data: bytes, number: int, scratch: Path) -> str:
    """Decode; name what came of it."""
    mode = ChannelMode.SEPARATE if number % 5 == 0 else ChannelMode.MIX
    try:
        report = await decode(
            pieces(data),
            DecodeSpec(channels=mode, limits=LIMITS),
            Dropped(),
            size=len(data),
            children=Children(folder=scratch),
        )
    except Refused as error:
        fault = re.search(r"the decoder crashed|\w+ in the decoder", str(error))
        return f"{error.reason.value}: {fault[0]}" if fault else error.reason.value
    return "decoded with a warning" if report.warnings else "decoded"


def table(outcomes: Counter[str], used: Used, longest: float, seconds: float) -> str:
    """Write the figures of a run."""
    rows = [f"{count:>8}  {name}" for name, count in outcomes.most_common()]
    total = sum(outcomes.values())
    return "\n".join(
        [
            f"\nhostile media: {total} cases from seed {SEED} in {seconds:.0f} s ({total / seconds * 60:.0f} a minute)",
            *rows,
            f"worst: {used.most_memory >> 20} MiB, {used.most_seconds:.2f} s of processor time, {longest:.2f} s",
            f"signals: { {signal.Signals(number).name: count for number, count in used.signals.items()} }",
        ]
    )


async def test_no_bent_file_breaks_anything(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    good, used = seeds(REPOSITORY), Used()
    outcomes: Counter[str] = Counter()
    wrong: list[str] = []
    longest, began = 0.0, time.monotonic()
    descriptors = psutil.Process().num_fds()
    async with warm(used) as start:
        monkeypatch.setattr(process, "_start", start)
        for number in range(FIRST, FIRST + CASES):
            name, data = made(number, good)
            start_of_case = time.monotonic()
            try:
                result = await outcome(data, number, tmp_path)
            except Exception as error:  # noqa: BLE001 (the parent must raise nothing else)
                result = f"{type(error).__name__} in the parent"
            took = time.monotonic() - start_of_case
            longest = max(longest, took)
            outcomes[result] += 1
            if result.partition(":")[0] not in {*DOCUMENTED, "decoded", "decoded with a warning"}:
                wrong.append(f"{name}: {result}")
            if (
                used.memory > LIMITS.memory_bytes
                or used.seconds > LIMITS.cpu_seconds + 2
                or took > LIMITS.wall_seconds + 30
            ):
                wrong.append(f"{name}: {used.memory >> 20} MiB, {used.seconds:.1f} s of processor time, {took:.1f} s")
            if list(tmp_path.iterdir()) or len(children()) > 1:
                wrong.append(f"{name}: left {list(tmp_path.iterdir())} and {children()}")
    with capsys.disabled():
        print(table(outcomes, used, longest, time.monotonic() - began))
    await asyncio.sleep(0)
    assert wrong == []
    assert not children()
    assert psutil.Process().num_fds() <= descriptors


async def test_the_good_files_are_good(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with warm(Used()) as start:
        monkeypatch.setattr(process, "_start", start)
        for seed in seeds(REPOSITORY):
            result = await outcome(seed.data, 1, tmp_path)
            if "/" in seed.name:
                assert result == "decoded", seed.name
                assert len(parts(seed.data)) > 1, seed.name


async def test_a_crash_of_a_forked_child_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    used = Used()

    class Killing(Dropped):
        async def begin(self, opening: Opening) -> None:
            await super().begin(opening)
            for child in children():
                if child.ppid() != os.getpid():
                    child.send_signal(signal.SIGSEGV)

    async with warm(used) as start:
        monkeypatch.setattr(process, "_start", start)
        with pytest.raises(Refused, match=r"the decoder crashed \(SIGSEGV\)"):
            await decode(pieces(files.wave(bytes(10_000_000))), DecodeSpec(limits=LIMITS), Killing())
    assert used.signals == {signal.SIGSEGV: 1}
