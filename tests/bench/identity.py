"""What identity and limits cost and what they keep apart: `python -m tests.bench.identity [cost|keys|flood]`.

cost    a unary call with identity and limits against the same call without them, interleaved; the ratio at the median
keys    refusing a known key id against refusing an unknown one, in process and interleaved; Welch's t
flood   ten tenants, one of them flooding: the others' 95th percentile against their quiet one
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import random
import statistics
import sys
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from pathlib import Path

from locution.v1.system_service_pb2 import GetServerInfoRequest
from locution.v1.system_service_pb2_grpc import SystemServiceStub
from locution.v1.upload_service_pb2 import ListUploadsRequest
from locution.v1.upload_service_pb2_grpc import UploadServiceStub
from locution_common.channels import open_channel
from locution_common.clock import SystemClock
from locution_common.errors import Refused
from locution_gateway.identity import tokens
from locution_gateway.identity.authenticate import KeyAuthenticator
from locution_gateway.identity.models import KeyRecord

from tests.bench.identity_stage import OPERATOR, Stage, new_tenant, open_stage, operating
from tests.support import processes
from tests.unit.gateway.identity.test_key_path import PRINCIPAL, OneKey

CALLS = 3000
SAMPLES = 20_000
IDS = 200
TENANTS = 10
FLOOD_SECONDS = 12.0
FLOOD_CALLERS = 64
NO_LIMIT = "1000000"

Call = Callable[[], Awaitable[object]]


async def timed(call: Call) -> float:
    """Return the seconds of a call."""
    start = time.perf_counter()
    await call()
    return time.perf_counter() - start


def percentile(values: Sequence[float], share: float) -> float:
    """Return the value below which a share of all lies."""
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


async def cost(stage: Stage) -> bool:
    """Compare calls with and without identity and limits, one after the other."""
    rates = {"quota_calls_per_second": NO_LIMIT, "quota_calls_per_second_per_principal": NO_LIMIT}
    good = True
    with stage.api(**rates) as full, stage.api("tests.bench.bare_gateway", **rates) as bare:
        async with AsyncExitStack() as stack, operating(full) as operator:
            key = await new_tenant(operator, "cost")
            channels = [
                await stack.enter_async_context(open_channel(address, token=token))
                for address, token in ((full, key), (bare, OPERATOR))
            ]
            for name, make in (
                ("GetServerInfo", lambda c: lambda: SystemServiceStub(c).GetServerInfo(GetServerInfoRequest())),
                ("ListUploads", lambda c: lambda: UploadServiceStub(c).ListUploads(ListUploadsRequest())),
            ):
                with_all, without = await _interleaved([make(channel) for channel in channels])
                ratio = statistics.median(with_all) / statistics.median(without)
                good = good and ratio <= 4 / 3
                print(
                    f"cost   {name:14} {statistics.median(with_all) * 1e6:7.0f} us with, "
                    f"{statistics.median(without) * 1e6:7.0f} us without, ratio {ratio:.2f} (at most 1.33)"
                )
    return good


async def _interleaved(calls: Sequence[Call]) -> list[list[float]]:
    seconds: list[list[float]] = [[] for _ in calls]
    for number in range(CALLS + 200):
        for index in random.sample(range(len(calls)), len(calls)):
            took = await timed(calls[index])
            if number >= 200:
                seconds[index].append(took)
    return seconds


async def compare_keys() -> bool:
    """Time refusals of a known and of an unknown key id in random order."""
    made = [tokens.new_key() for _ in range(4 * IDS)]
    keys = KeyAuthenticator(Keys({one.token_id: one.secret_hash for one in made[:IDS]}), SystemClock())
    # Every token has a secret of another key; many ids, so that no single one's place in memory decides.
    forged = [
        f"loc_{one.token_id}_{other.token[21:]}" for one, other in zip(made[: 2 * IDS], made[2 * IDS :], strict=True)
    ]
    known, unknown = "known", "unknown"
    order = [(known, n % IDS) for n in range(SAMPLES)] + [(unknown, IDS + n % IDS) for n in range(SAMPLES)]
    random.shuffle(order)
    taken: dict[str, list[int]] = {known: [], unknown: []}
    for token in random.sample(forged, len(forged)) * 3:
        await _refuse(keys, token)
    gc.disable()
    try:
        for kind, index in order:
            taken[kind].append(await _refuse(keys, forged[index]))
    finally:
        gc.enable()
    whole = 0.0
    for share in (1.0, 0.99, 0.9, 0.5):
        bound = percentile([*taken[known], *taken[unknown]], share)
        kept = [[value for value in taken[token] if value <= bound] for token in (known, unknown)]
        found = welch(*kept)
        whole = found if share == 1.0 else whole
        print(f"keys   Welch t over the fastest {share:4.0%} of 2 x {SAMPLES}: {found:+.2f}")
    print(f"keys   Welch t over all samples {whole:+.2f} (below 4.5)")
    return abs(whole) < 4.5


class Keys(OneKey):
    """Credentials of many keys."""

    def __init__(self, hashes: Mapping[str, bytes]) -> None:
        super().__init__()
        self._hashes = hashes

    async def api_key(self, key_id: str) -> KeyRecord | None:
        found = self._hashes.get(key_id)
        return None if found is None else KeyRecord(PRINCIPAL, found, None, known=True)


async def _refuse(keys: KeyAuthenticator, token: str) -> int:
    start = time.perf_counter_ns()
    try:
        await keys.authenticate(token)
    except Refused:
        return time.perf_counter_ns() - start
    raise AssertionError("a bad key was taken")


def welch(left: Sequence[float], right: Sequence[float]) -> float:
    """Return Welch's t (Welch, 1947)."""
    spread = statistics.variance(left) / len(left) + statistics.variance(right) / len(right)
    return float((statistics.fmean(left) - statistics.fmean(right)) / spread**0.5)


async def flood(stage: Stage) -> bool:
    """Measure nine tenants quietly, then while a tenth floods."""
    with stage.api(quota_calls_per_second="50", quota_calls_per_second_per_principal="50") as address:
        async with AsyncExitStack() as stack, operating(address) as operator:
            secrets = [await new_tenant(operator, f"tenant-{number}") for number in range(TENANTS)]
            stubs = [
                UploadServiceStub(await stack.enter_async_context(open_channel(address, token=secret)))
                for secret in secrets[1:]
            ]
            quiet = await _steady(stubs)
            log = stage.folder / "flood.log"
            command = [sys.executable, "-m", "tests.bench.identity_flood", address, secrets[0], str(FLOOD_CALLERS)]
            flooder = processes.spawn(command, log=log, cwd=Path.cwd())
            try:
                await asyncio.sleep(2)
                flooded = await _steady(stubs)
            finally:
                processes.kill(flooder)
    ratio = percentile(flooded, 0.95) / percentile(quiet, 0.95)
    print(
        f"flood  p95 of {TENANTS - 1} tenants {percentile(quiet, 0.95) * 1e3:.1f} ms quiet, "
        f"{percentile(flooded, 0.95) * 1e3:.1f} ms under one that floods, ratio {ratio:.2f} (at most 2)"
    )
    return ratio <= 2


async def _steady(stubs: Sequence[UploadServiceStub]) -> list[float]:
    """Call from each tenant ten times a second and return the seconds of all calls."""
    seconds: list[float] = []
    end = time.monotonic() + FLOOD_SECONDS

    async def tenant(stub: UploadServiceStub) -> None:
        await asyncio.sleep(random.random() / 10)
        while time.monotonic() < end:
            seconds.append(await timed(lambda: stub.ListUploads(ListUploadsRequest(), timeout=20)))
            await asyncio.sleep(0.1)

    await asyncio.gather(*[tenant(stub) for stub in stubs])
    return seconds


def main() -> int:
    """Run what the command line names, all without a name; the exit status tells whether the bounds held."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", nargs="*", choices=["cost", "keys", "flood", []], default=[])
    wanted = parser.parse_args().what or ["cost", "keys", "flood"]
    good = [asyncio.run(compare_keys())] if "keys" in wanted else []
    if {"cost", "flood"} & set(wanted):
        with open_stage() as stage:
            good += [asyncio.run(run(stage)) for name, run in (("cost", cost), ("flood", flood)) if name in wanted]
    return 0 if all(good) else 1


if __name__ == "__main__":
    raise SystemExit(main())
