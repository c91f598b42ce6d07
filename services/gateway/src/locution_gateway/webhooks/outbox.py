"""Deliveries of webhooks in Postgres, as workers claim and finish them."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

from locution_common.errors import Reason
from locution_common.postgres import Connection

from locution_gateway.platform.database import TenantDatabase
from locution_gateway.platform.ids import JobId
from locution_gateway.platform.principal import Principal, TenantId, system
from locution_gateway.webhooks import sql
from locution_gateway.webhooks.models import Backlog, DeliveryId, Dispatch, EventType, Outcome, WebhookId

_log = logging.getLogger(__name__)


class PostgresOutbox:
    """The outbox in a TenantDatabase. Raises DependencyUnavailable while Postgres is unreachable."""

    def __init__(self, database: TenantDatabase) -> None:
        self._database = database

    async def claim(self, lease: timedelta, limit: int, per_webhook: int) -> Sequence[Dispatch]:
        """Claim due deliveries, each after the earlier ones of its job; unreadable ones become DEAD."""
        async with self._database.across_tenants() as connection:
            rows = await connection.fetch(sql.CLAIM, lease, limit, per_webhook)
        claimed = [(row, _readable(row)) for row in rows]
        for row, _ in (pair for pair in claimed if pair[1] is None):
            await self._bury(row)
        return [dispatch for _, dispatch in claimed if dispatch is not None]

    async def _bury(self, row: Mapping[str, Any]) -> None:
        """End a delivery that cannot be read as DEAD; if that fails, its lease ends and it is claimed again."""
        try:
            async with self._database.transaction(system(TenantId(row["tenant_id"]))) as connection:
                values = (row["delivery_id"], row["lease_token"], None, "the stored delivery is unreadable", None)
                await connection.execute(sql.FAILED, *values)
                await connection.execute(sql.RELEASE_NEXT, row["webhook_id"], row["job_id"], row["event_id"])
        except Exception:  # noqa: BLE001 - logged; the other deliveries must go on
            _log.exception("an unreadable delivery could not be ended", extra={"delivery": str(row["delivery_id"])})

    async def delivered(self, principal: Principal, dispatch: Dispatch, outcome: Outcome) -> bool:
        """Record its delivery; False if the lease was lost."""
        async with self._holding(principal, dispatch) as connection:
            held = await connection.fetchval(sql.DELIVERED, dispatch.delivery_id, dispatch.token, outcome.status)
            if held is not None:
                await connection.execute(sql.WELL, dispatch.webhook_id)
                await connection.execute(sql.RELEASE_NEXT, *_place(dispatch))
        return held is not None

    async def failed(
        self, principal: Principal, dispatch: Dispatch, outcome: Outcome, delay: timedelta | None, patience: timedelta
    ) -> bool:
        """Record a failed attempt: due again after `delay`, or DEAD with None.

        Disables the webhook if every attempt failed for longer than `patience`. False if the lease was lost.
        """
        values = (dispatch.delivery_id, dispatch.token, outcome.status, outcome.error, delay)
        async with self._holding(principal, dispatch) as connection:
            held = await connection.fetchval(sql.FAILED, *values)
            if held is not None:
                await connection.execute(sql.UNWELL, dispatch.webhook_id)
                await _settle_next(connection, dispatch, dead=delay is None)
                reason = f"every attempt failed for {_words(patience)}; the last one: {outcome.error}"
                await connection.execute(sql.GIVE_UP, dispatch.webhook_id, patience, reason)
        return held is not None

    async def release(self, principal: Principal, dispatch: Dispatch) -> None:
        """Release it unsent, without counting the attempt."""
        async with self._holding(principal, dispatch) as connection:
            await connection.execute(sql.RELEASE, dispatch.delivery_id, dispatch.token)

    async def forget(self, age: timedelta, limit: int) -> None:
        """Delete deliveries that ended earlier, and expired secrets."""
        async with self._database.across_tenants() as connection:
            await connection.execute(sql.FORGET, age, limit)

    async def backlog(self) -> Backlog:
        """Return the backlog of all tenants."""
        async with self._database.across_tenants() as connection:
            row = await connection.fetchrow(sql.BACKLOG)
        return Backlog(**dict(row))

    @asynccontextmanager
    async def _holding(self, principal: Principal, dispatch: Dispatch) -> AsyncIterator[Connection]:
        async with self._database.transaction(principal) as connection:
            await connection.fetchval(sql.HOLD, dispatch.webhook_id)
            yield connection


async def _settle_next(connection: Connection, dispatch: Dispatch, *, dead: bool) -> None:
    if dead:
        await connection.execute(sql.RELEASE_NEXT, *_place(dispatch))
    else:
        await connection.execute(sql.POSTPONE_NEXT, *_place(dispatch), dispatch.delivery_id)


def _place(dispatch: Dispatch) -> tuple[WebhookId, JobId | None, int]:
    return dispatch.webhook_id, dispatch.job_id, dispatch.event_id


def _readable(row: Mapping[str, Any]) -> Dispatch | None:
    try:
        return _dispatch(row)
    except Exception:  # noqa: BLE001 - whatever makes the row unreadable is its own fault
        _log.exception("a stored delivery is unreadable", extra={"delivery": str(row["delivery_id"])})
        return None


def _dispatch(row: Mapping[str, Any]) -> Dispatch:
    return Dispatch(
        delivery_id=DeliveryId(row["delivery_id"]),
        webhook_id=WebhookId(row["webhook_id"]),
        tenant_id=TenantId(row["tenant_id"]),
        event_type=EventType(row["event_type"]),
        job_id=None if row["job_id"] is None else JobId(row["job_id"]),
        event_id=row["event_id"],
        event_time=row["event_time"],
        reason=Reason(error["reason"]) if (error := row["job_error"]) else None,
        attempts=row["attempts"],
        token=row["lease_token"],
        url=row["url"],
        secrets=tuple(row["secrets"]),
        trace_context=row["trace_context"],
    )


def _words(delta: timedelta) -> str:
    hours = delta / timedelta(hours=1)
    return f"{hours:g} hours" if hours >= 1 else f"{delta.total_seconds():g} seconds"
