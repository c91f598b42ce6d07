"""Background work on the rows of many tenants: each row is tried on its own, and one that keeps failing is set aside.

The functions that list due rows leave out those that `gateway.may_try` refuses: rows that wait for their next attempt,
and rows that are set aside.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, TypeAlias
from uuid import UUID

from locution_common import names
from locution_common.errors import Refused, Retry
from prometheus_client import CollectorRegistry

from locution_gateway.platform.database import TenantDatabase

FAILED: Final = "SELECT gateway.row_failed($1, $2, $3, $4, $5)"
RECOVERED: Final = "SELECT gateway.row_recovered($1, $2)"
LIST: Final = "SELECT * FROM gateway.list_troubled_rows($1)"
COUNT: Final = "SELECT * FROM gateway.count_troubled_rows()"
FORGET: Final = "SELECT gateway.forget_troubled_rows($1)"

LONGEST_ERROR: Final = 500
AT_ONCE: Final = 4

Attempt: TypeAlias = tuple[UUID, object, Callable[[], Awaitable[object]]]
"""The tenant of a row, its id, and the work on it."""

_log = logging.getLogger(__name__)


class Work(StrEnum):
    """Kinds of background work, as the functions of the schema name them."""

    EXPIRE_UPLOAD = "expire upload"
    VERIFY_UPLOAD = "verify upload"
    EXPIRE_JOB = "expire job"
    EXPIRE_STAGE = "expire stage"
    DELETE_OBJECT = "delete object"
    SETTLE_LIVE = "settle live session"

    @property
    def most_failures(self) -> int:
        """Return the failures after which a row is set aside: after about 4 minutes.

        What may wait for a person, such as a full quota or the rights of the object store, gets about 35 hours.
        """
        return 250 if self in (Work.DELETE_OBJECT, Work.SETTLE_LIVE) else 8


@dataclass(frozen=True, slots=True)
class TroubledRow:
    """A row that background work fails on; `error` holds the class and the text of the last failure."""

    work: str
    row_id: str
    tenant_id: UUID
    failures: int
    error: str
    set_aside: bool
    first_time: datetime
    last_time: datetime


class TroubledRows:
    """Counts the failures of rows in the database."""

    def __init__(self, database: TenantDatabase) -> None:
        self._database = database
        self._failing: set[tuple[Work, str]] = set()

    async def attempt(self, work: Work, rows: Iterable[Attempt], at_once: int = AT_ONCE) -> list[Attempt]:
        """Do the work on each row, some at once; count failures on their rows. Return the rows that are set aside now.

        An unreachable dependency is not a row's fault and is not counted.
        """
        waiting, aside = iter(rows), list[Attempt]()

        async def some() -> None:
            for row in waiting:
                if await self._attempt(work, *row):
                    aside.append(row)

        async with asyncio.TaskGroup() as group:
            for _ in range(at_once):
                group.create_task(some())
        return aside

    async def _attempt(self, work: Work, tenant_id: UUID, row_id: object, do: Callable[[], Awaitable[object]]) -> bool:
        key = (work, str(row_id))
        try:
            await do()
        except Refused as error:
            if error.reason.retry is Retry.LATER:
                _log.warning("background work has to wait", extra={"work": work, "reason": error.reason})
                return False
            return await self._failed(key, tenant_id, error)
        except Exception as error:  # noqa: BLE001 - logged and counted on its row; other rows must go on
            return await self._failed(key, tenant_id, error)
        if key in self._failing:
            self._failing.discard(key)
            await self._run(RECOVERED, *key)
        return False

    async def _failed(self, key: tuple[Work, str], tenant_id: UUID, error: Exception) -> bool:
        work, row_id = key
        self._failing.add(key)
        text = f"{type(error).__name__}: {error}".replace("\0", "")[:LONGEST_ERROR]
        aside = bool(await self._run(FAILED, work, row_id, tenant_id, text, work.most_failures))
        message = "background work failed on a row, which is set aside" if aside else "background work failed on a row"
        extra = {"work": work, "row_id": row_id, "tenant_id": str(tenant_id)}
        _log.log(logging.CRITICAL if aside else logging.ERROR, message, exc_info=error, extra=extra)
        return aside

    async def _run(self, statement: str, *arguments: object) -> object:
        """Run a statement; its own failure is logged, because the next row must go on."""
        try:
            async with self._database.across_tenants() as connection:
                return await connection.fetchval(statement, *arguments)
        except Exception:  # noqa: BLE001 - the database is away or refuses: the row is tried again as it is
            _log.exception("the failure of a row could not be counted")
            return None

    async def list(self, limit: int) -> tuple[TroubledRow, ...]:
        """Return up to `limit` rows, those set aside first, of all tenants."""
        async with self._database.across_tenants() as connection:
            rows = await connection.fetch(LIST, limit)
        return tuple(TroubledRow(*row) for row in rows)

    async def forget(self, age: timedelta) -> None:
        """Delete entries of rows that have not failed for a while and are not set aside."""
        await self._run(FORGET, age)


class TroubledMetrics:
    """Measures how many rows are failing and how many are set aside."""

    def __init__(self, database: TenantDatabase, registry: CollectorRegistry) -> None:
        self._database = database
        self._rows = names.TROUBLED_ROWS.gauge(registry)
        for work in Work:
            self._set(work, 0, 0)

    async def measure(self) -> None:
        """Read the counts."""
        async with self._database.across_tenants() as connection:
            counts = {work: (failing, aside) for work, failing, aside in await connection.fetch(COUNT)}
        for work in Work:
            self._set(work, *counts.get(work, (0, 0)))

    def _set(self, work: Work, failing: int, aside: int) -> None:
        self._rows.labels(work, "failing").set(failing)
        self._rows.labels(work, "set_aside").set(aside)
