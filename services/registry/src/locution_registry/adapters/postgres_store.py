"""Models in Postgres."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager

from locution_common.errors import Reason, Refused
from locution_common.postgres import Connection, Pool

from ..core.lookup import known
from ..domain.models import Action, Actor, Kind, Model, ModelPath, Replica
from . import rows, statements


class PostgresStore:
    """Stores models in schema `registry`."""

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

    async def find(self, path: ModelPath) -> Model | None:
        """Read it by its key."""
        row = await self._pool.fetchrow(statements.FIND, path.set, path.model)
        return None if row is None else rows.model(row)

    async def of_kind(self, kind: Kind) -> list[Model]:
        """List a kind in the order of resolution."""
        return [rows.model(row) for row in await self._pool.fetch(statements.OF_KIND, kind.value)]

    async def page(self, kind: Kind | None, after: ModelPath | None, limit: int) -> list[Model]:
        """Read the page after the last key."""
        last = (after.set, after.model) if after else ("", "")
        found = await self._pool.fetch(statements.PAGE, kind.value if kind else None, *last, limit)
        return [rows.model(row) for row in found]

    async def report_serving(self, replica: Replica, kind: Kind, paths: Collection[ModelPath], ttl: float) -> None:
        """Replace the replica's rows; rolled back if a path is not of the kind."""
        told = sorted(set(paths))
        columns = [path.set for path in told], [path.model for path in told]
        async with self._pool.acquire() as connection, connection.transaction():
            held = await connection.fetch(statements.REPORT_SERVING, replica, kind.value, *columns, ttl)
            if unknown := set(told) - {ModelPath(row["set_name"], row["model_name"]) for row in held}:
                raise Refused(Reason.MODEL_NOT_FOUND, f"there is no {kind} model {min(unknown)}")


class PostgresChanges:
    """One transaction under the registry's lock."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def find(self, path: ModelPath) -> Model | None:
        """Read it by its key."""
        row = await self._connection.fetchrow(statements.FIND, path.set, path.model)
        return None if row is None else rows.model(row)

    async def default_of(self, kind: Kind) -> Model | None:
        """Read the kind's default."""
        row = await self._connection.fetchrow(statements.DEFAULT_OF, kind.value)
        return None if row is None else rows.model(row)

    async def save(self, model: Model, action: Action, actor: Actor) -> Model:
        """Write the row and the audit entry in one statement, then read the row back."""
        await self._connection.execute(statements.SAVE, *rows.arguments(model), action.value, actor)
        return await known(self, model.path)
