"""The command `selftest`."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final

import grpc
from locution_common import settings

from locution_gateway.selftest import checks
from locution_gateway.selftest.settings import HealthCheckSettings, SelftestSettings, WorkCheckSettings

USAGE: Final = """\
usage: python -m locution_gateway selftest CHECK [--help] [--check-settings]

  health    every process answers that it is healthy
  job       a recording becomes a transcript
  live      a recording becomes text while it is spoken
  tenants   another tenant is refused
"""
Check = tuple[type[SelftestSettings], Callable[[Any], Awaitable[str]]]
CHECKS: Final[dict[str, Check]] = {
    "health": (HealthCheckSettings, checks.health),
    "job": (WorkCheckSettings, checks.job),
    "live": (WorkCheckSettings, checks.live),
    "tenants": (WorkCheckSettings, checks.tenants),
}


def run_selftest(argv: Sequence[str]) -> int:
    """Run the check that the first argument names, and return the exit code: 1 if it fails, 2 if there is none."""
    name, arguments = (argv[0], argv[1:]) if argv else ("", [])
    if name not in CHECKS:
        asked = name in ("--help", "-h")
        (sys.stdout if asked else sys.stderr).write(USAGE)
        return 0 if asked else 2
    cls, check = CHECKS[name]
    loaded = settings.load(cls, arguments, program=f"locution_gateway selftest {name}")
    try:
        sys.stdout.write(asyncio.run(_within(loaded.selftest_seconds, check(loaded))) + "\n")
    except checks.CheckFailed as failed:
        return _fail(name, str(failed))
    except grpc.aio.AioRpcError as error:
        return _fail(name, checks.described(error))
    except TimeoutError:
        return _fail(name, f"took longer than {loaded.selftest_seconds:g} s (LOCUTION_SELFTEST_SECONDS)")
    return 0


async def _within(seconds: float, check: Awaitable[str]) -> str:
    """Return what the check says; health ends by itself, with more to say, so it has a second more."""
    async with asyncio.timeout(seconds + 1):
        return await check


def _fail(name: str, why: str) -> int:
    sys.stderr.write(f"locution_gateway selftest {name}: {why}\n")
    return 1
