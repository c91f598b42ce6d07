"""Runs a process of the gateway with points at which it can be made to die: `python -m tests.chaos.failpoints
api|worker`.

Production code knows nothing of them. They are put around what matters for durability: every commit, every write to
the object store, every acknowledgement. A point is named for its method, for example
`PostgresStages.finish_join.commit.before`; `tests.chaos.points` lists them. A file `<role>.arm` in the folder
of CHAOS_FAILPOINTS holds names, one a line: at the first of them that is reached the process kills itself with SIGKILL.
`reached.log` collects the names of all points that were ever passed, `fired.log` those at which a process died.
"""

from __future__ import annotations

import asyncio
import functools
import inspect
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from types import FrameType
from typing import Any

from tests.chaos.points import PUTS


class Points:
    """The points of this process."""

    def __init__(self, folder: Path, role: str) -> None:
        self._folder = folder
        self._role = role
        self._arm = folder / f"{role}.arm"
        self._seen: set[str] = set()

    def reach(self, name: str) -> None:
        """Pass a point, or die there."""
        if name not in self._seen:
            self._seen.add(name)
            self._write("reached.log", name)
        if name in self._armed():
            self._arm.unlink(missing_ok=True)
            self._write("fired.log", name)
            os.kill(os.getpid(), signal.SIGKILL)

    def _armed(self) -> list[str]:
        try:
            return self._arm.read_text().splitlines()
        except FileNotFoundError:
            return []

    def _write(self, file: str, name: str) -> None:
        with (self._folder / file).open("a") as out:
            out.write(f"{self._role} {name}\n")


def install(points: Points) -> None:
    """Put the points around commits and writes to the object store."""
    from locution_common.objects import ObjectStore
    from locution_gateway.platform.database import TenantDatabase

    plain = TenantDatabase.transaction

    @asynccontextmanager
    async def transaction(self: Any, *arguments: Any) -> AsyncIterator[Any]:
        name = _caller()
        async with plain(self, *arguments) as connection:
            yield connection
            points.reach(f"{name}.commit.before")
        points.reach(f"{name}.commit.after")

    statement = TenantDatabase.across_tenants

    @asynccontextmanager
    async def across_tenants(self: Any) -> AsyncIterator[Any]:
        """Each statement is a transaction of its own, so that before its commit is before it is sent."""
        name = _caller()
        async with statement(self) as connection:
            points.reach(f"{name}.commit.before")
            yield connection
        points.reach(f"{name}.commit.after")

    TenantDatabase.transaction = transaction  # type: ignore[method-assign,assignment]  # wrapped in place
    TenantDatabase.across_tenants = across_tenants  # type: ignore[method-assign]  # wrapped in place
    for name in PUTS:
        setattr(ObjectStore, name, _around(points, f"ObjectStore.{name}", getattr(ObjectStore, name)))


def install_acknowledgements(points: Points) -> None:
    """Put the points around the api's answers."""
    from locution_gateway.jobs.servicer import Jobs
    from locution_gateway.uploads.servicer import Uploads

    for servicer in (Jobs, Uploads):
        for name, method in vars(servicer).copy().items():
            if inspect.iscoroutinefunction(method) and name[0].isupper():
                setattr(servicer, name, _acknowledged(points, name, method))


def _around(points: Points, name: str, method: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(method)
    async def wrapped(*arguments: Any, **named: Any) -> Any:
        points.reach(f"{name}.before")
        result = await method(*arguments, **named)
        points.reach(f"{name}.after")
        return result

    return wrapped


def _acknowledged(points: Points, name: str, method: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(method)
    async def wrapped(*arguments: Any, **named: Any) -> Any:
        answer = await method(*arguments, **named)
        points.reach(f"{name}.acknowledge.before")
        asyncio.get_running_loop().call_later(0.01, points.reach, f"{name}.acknowledge.after")
        return answer

    return wrapped


def _caller() -> str:
    """Name the public method that began a transaction."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        owner = frame.f_locals.get("self")
        name = frame.f_code.co_name
        ours = frame.f_globals.get("__name__", "").startswith("locution_gateway")
        if ours and owner is not None and not name.startswith("_"):
            return f"{type(owner).__name__}.{name}"
        frame = frame.f_back
    return "unknown"


def main() -> None:
    """Run the role that the first argument names."""
    role = sys.argv[1]
    points = Points(Path(os.environ["CHAOS_FAILPOINTS"]), os.environ["CHAOS_ROLE"])
    install(points)
    if role == "api":
        from locution_gateway.upkeep import reaper
        from locution_gateway.uploads import postgres as uploads

        install_acknowledgements(points)
        reaper.MULTIPART_AGE = timedelta(seconds=20)  # type: ignore[misc]  # two minutes would outlast the short form
        uploads.LATE_WRITES = timedelta(seconds=20)  # type: ignore[misc]  # and so would four
    from locution_gateway.commands import main as run

    run([role])


if __name__ == "__main__":
    main()
