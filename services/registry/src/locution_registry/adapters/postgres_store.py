"""Weights in Postgres."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager

from locution_common.errors import Reason, Refused
from locution_common.postgres import Connection, Pool

from ..core.lookup import known
from ..domain.models import Action, Actor, Kind, Replica, Weight, WeightPath
from . import rows, statements


class PostgresStore:
    """Keep weights in schema `registry`."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    @asynccontextmanager
    async def changing(self, *, keep: bool = True) -> AsyncIterator[PostgresChanges]:
        """Open a transaction that holds the registry's lock."""
        async with self._pool.acquire() as connection:
            transaction = connection.transaction()
            await transaction.start()
            try:
                await connection.execute(statements.LOCK)
                yield PostgresChanges(connection)
            except BaseException:
                await transaction.rollback()
                raise
            await (transaction.commit() if keep else transaction.rollback())

    async def find(self, path: WeightPath) -> Weight | None:
        """Look it up by its key."""
        row = await self._pool.fetchrow(statements.FIND, path.set, path.weight)
        return None if row is None else rows.weight(row)

    async def of_kind(self, kind: Kind) -> list[Weight]:
        """List a kind in the order in which it is tried."""
        return [rows.weight(row) for row in await self._pool.fetch(statements.OF_KIND, kind.value)]

    async def page(self, kind: Kind | None, after: WeightPath | None, limit: int) -> list[Weight]:
        """Read on from the last key."""
        last = (after.set, after.weight) if after else ("", "")
        found = await self._pool.fetch(statements.PAGE, kind.value if kind else None, *last, limit)
        return [rows.weight(row) for row in found]

    async def report_serving(self, replica: Replica, kind: Kind, paths: Collection[WeightPath], ttl: float) -> None:
        """Replace the replica's rows; undone when a path is not of the kind."""
        told = sorted(set(paths))
        columns = [path.set for path in told], [path.weight for path in told]
        async with self._pool.acquire() as connection, connection.transaction():
            held = await connection.fetch(statements.REPORT_SERVING, replica, kind.value, *columns, ttl)
            if unknown := set(told) - {WeightPath(row["set_name"], row["weight_name"]) for row in held}:
                raise Refused(Reason.MODEL_NOT_FOUND, f"there is no {kind} model {min(unknown)}")


class PostgresChanges:
    """One transaction under the registry's lock."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def find(self, path: WeightPath) -> Weight | None:
        """Look it up by its key."""
        row = await self._connection.fetchrow(statements.FIND, path.set, path.weight)
        return None if row is None else rows.weight(row)

    async def default_of(self, kind: Kind) -> Weight | None:
        """Look up the kind's default."""
        row = await self._connection.fetchrow(statements.DEFAULT_OF, kind.value)
        return None if row is None else rows.weight(row)

    async def save(self, weight: Weight, action: Action, actor: Actor) -> Weight:
        """Write the row and the audit's line in one statement, then read it back."""
        await self._connection.execute(statements.SAVE, *rows.arguments(weight), action.value, actor)
        return await known(self, weight.path)
