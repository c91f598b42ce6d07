"""Webhooks in Postgres, as their tenant manages them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any, Final

from locution_common.errors import Reason, Refused
from locution_common.postgres import Connection

from locution_gateway.platform import requests
from locution_gateway.platform.database import TenantDatabase
from locution_gateway.platform.each import each
from locution_gateway.platform.ids import JobId, new_id
from locution_gateway.platform.listing import Column, Kind, Page, PageQuery, Position
from locution_gateway.platform.lists import Builder, Listing, newest_first
from locution_gateway.platform.principal import Principal
from locution_gateway.platform.requests import RequestKey
from locution_gateway.quotas.models import quota_exceeded
from locution_gateway.webhooks import sql
from locution_gateway.webhooks.models import (
    Delivery,
    DeliveryId,
    DeliveryState,
    EventType,
    NewWebhook,
    Webhook,
    WebhookChange,
    WebhookId,
)
from locution_gateway.webhooks.sign import public_key, scheme_of

DELIVERY_COLUMNS: Final[Mapping[str, Column]] = {
    "create_time": Column("d.event_time", Kind.TIME),
    "state": Column("d.state", Kind.STATE, frozenset(DeliveryState)),
    "job": Column("d.job_id", Kind.JOB),
}


class PostgresWebhooks:
    """Webhooks of a tenant. Absent ones and those of other tenants are refused with WEBHOOK_NOT_FOUND."""

    def __init__(self, database: TenantDatabase) -> None:
        self._database = database

    async def create(self, principal: Principal, webhook: NewWebhook, request: RequestKey | None) -> Webhook:
        """Create it with its secret once per request_id. Refuses with QUOTA_EXCEEDED, REQUEST_ID_REUSED."""
        async with self._database.transaction(principal) as connection:
            before = await requests.claim(connection, principal, request, webhook.webhook_id)
            if before is None:
                await _insert(connection, principal, webhook)
            webhook_id = webhook.webhook_id if before is None else WebhookId(before)
            return await _get(connection, principal, webhook_id, fresh=True)

    async def get(self, principal: Principal, webhook_id: WebhookId) -> Webhook:
        """Read one."""
        async with self._database.transaction(principal) as connection:
            return await _get(connection, principal, webhook_id)

    async def list(self, principal: Principal, query: PageQuery) -> Page[Webhook]:
        """Read a page."""
        return await LISTING.page(self._database, principal, query)

    async def update(
        self, principal: Principal, webhook_id: WebhookId, version: int | None, change: WebhookChange
    ) -> Webhook:
        """Change it; enabling clears the reason for which it was disabled, and resumes its deliveries."""
        events = None if change.event_types is None else list(change.event_types)
        async with self._database.transaction(principal) as connection:
            await _lock(connection, principal, webhook_id, version)
            values = (change.display_name, change.url, events, change.disabled)
            await connection.execute(sql.UPDATE, webhook_id, principal.tenant_id, *values)
            await connection.execute(sql.NOTIFY)
            return await _get(connection, principal, webhook_id)

    async def delete(self, principal: Principal, webhook_id: WebhookId, version: int | None) -> None:
        """Delete it with its deliveries. Refuses with ETAG_MISMATCH."""
        async with self._database.transaction(principal) as connection:
            await _lock(connection, principal, webhook_id, version)
            await connection.execute(sql.DELETE, webhook_id, principal.tenant_id)

    async def rotate(
        self, principal: Principal, webhook_id: WebhookId, replace: Callable[[str], str], overlap: timedelta
    ) -> Webhook:
        """Replace the newest secret, let the previous ones end after the overlap, and return the webhook with it."""
        async with self._database.transaction(principal) as connection:
            await _lock(connection, principal, webhook_id)
            before = await connection.fetchval(sql.NEWEST_KEY, webhook_id, principal.tenant_id)
            await connection.execute(sql.END_KEYS, webhook_id, principal.tenant_id, overlap)
            await _add_secret(connection, principal, webhook_id, replace(before))
            await connection.execute(sql.TOUCH, webhook_id, principal.tenant_id)
            return await _get(connection, principal, webhook_id, fresh=True)

    async def test(self, principal: Principal, webhook_id: WebhookId, delivery_id: DeliveryId) -> Delivery:
        """Queue a test delivery. Refuses with WEBHOOK_DISABLED."""
        async with self._database.transaction(principal) as connection:
            await _lock_enabled(connection, principal, webhook_id)
            values = (delivery_id, webhook_id, principal.tenant_id, principal.subject)
            await connection.execute(sql.ADD_TEST, *values)
            await connection.execute(sql.NOTIFY)
            return await _get_delivery(connection, principal, webhook_id, delivery_id)

    async def deliveries(self, principal: Principal, webhook_id: WebhookId, query: PageQuery) -> Page[Delivery]:
        """Read a page of its deliveries."""
        builder = Builder(DELIVERY_COLUMNS, "d.delivery_id")
        builder.where("d.webhook_id", "uuid", webhook_id)
        builder.where("d.tenant_id", "uuid", principal.tenant_id)
        statement = builder.page(sql.DELIVERIES, query)
        async with self._database.transaction(principal) as connection:
            await _get(connection, principal, webhook_id)
            rows = await connection.fetch(statement.text, *statement.values)
        found = tuple(await each(_delivery, rows[: query.size]))
        last = Position(found[-1].event_time.isoformat(), found[-1].delivery_id) if len(rows) > query.size else None
        return Page(found, last)

    async def redeliver(self, principal: Principal, webhook_id: WebhookId, delivery_id: DeliveryId) -> Delivery:
        """Make a delivery due now and restart its count of attempts. A worker that holds it loses it.

        Refuses with WEBHOOK_DELIVERY_NOT_FOUND, WEBHOOK_DISABLED.
        """
        async with self._database.transaction(principal) as connection:
            await _lock_enabled(connection, principal, webhook_id)
            if not await connection.fetchval(sql.REDELIVER, delivery_id, webhook_id, principal.tenant_id):
                raise Refused(Reason.WEBHOOK_DELIVERY_NOT_FOUND)
            await connection.execute(sql.NOTIFY)
            return await _get_delivery(connection, principal, webhook_id, delivery_id)


async def _insert(connection: Connection, principal: Principal, webhook: NewWebhook) -> None:
    await connection.execute(sql.TURN, str(principal.tenant_id))
    if await connection.fetchval(sql.COUNT, principal.tenant_id) >= webhook.limit:
        raise quota_exceeded("webhooks", f"{webhook.limit} webhooks")
    await connection.execute(
        sql.CREATE,
        webhook.webhook_id,
        principal.tenant_id,
        principal.subject,
        webhook.display_name,
        webhook.url,
        list(webhook.event_types),
        webhook.disabled,
    )
    await _add_secret(connection, principal, webhook.webhook_id, webhook.secret)


async def _add_secret(connection: Connection, principal: Principal, webhook_id: WebhookId, secret: str) -> None:
    values = (new_id(), webhook_id, principal.tenant_id, principal.subject, secret)
    await connection.execute(sql.ADD_KEY, *values)


async def _get(connection: Connection, principal: Principal, webhook_id: WebhookId, *, fresh: bool = False) -> Webhook:
    row = await connection.fetchrow(sql.GET, webhook_id, principal.tenant_id)
    if row is None:
        raise Refused(Reason.WEBHOOK_NOT_FOUND)
    return _webhook(row, fresh=fresh)


async def _lock(
    connection: Connection, principal: Principal, webhook_id: WebhookId, version: int | None = None
) -> Mapping[str, Any]:
    row: Mapping[str, Any] | None = await connection.fetchrow(sql.LOCK, webhook_id, principal.tenant_id)
    if row is None:
        raise Refused(Reason.WEBHOOK_NOT_FOUND)
    if version not in (None, row["version"]):
        raise Refused(Reason.ETAG_MISMATCH)
    return row


async def _lock_enabled(connection: Connection, principal: Principal, webhook_id: WebhookId) -> None:
    if (await _lock(connection, principal, webhook_id))["disabled"]:
        raise Refused(Reason.WEBHOOK_DISABLED)


async def _get_delivery(
    connection: Connection, principal: Principal, webhook_id: WebhookId, delivery_id: DeliveryId
) -> Delivery:
    row = await connection.fetchrow(sql.GET_DELIVERY, delivery_id, webhook_id, principal.tenant_id)
    if row is None:
        raise Refused(Reason.WEBHOOK_DELIVERY_NOT_FOUND)
    return _delivery(row)


def _webhook(row: Mapping[str, Any], *, fresh: bool = False) -> Webhook:
    """Return a webhook; with the shared secret while that is new, and never with a private key."""
    shared = public_key(row["secret"]) is None
    return Webhook(
        webhook_id=WebhookId(row["webhook_id"]),
        created_by=row["created_by"],
        display_name=row["display_name"],
        url=row["url"],
        event_types=tuple(EventType(name) for name in row["event_types"]),
        disabled=row["disabled"],
        disabled_reason=row["disabled_reason"],
        failing_since=row["failing_since"],
        create_time=row["create_time"],
        version=row["version"],
        signature_scheme=scheme_of(row["secret"]),
        public_key=public_key(row["secret"]),
        secret=row["secret"] if fresh and shared else None,
    )


def _delivery(row: Mapping[str, Any]) -> Delivery:
    return Delivery(
        delivery_id=DeliveryId(row["delivery_id"]),
        webhook_id=WebhookId(row["webhook_id"]),
        event_type=EventType(row["event_type"]),
        job_id=None if row["job_id"] is None else JobId(row["job_id"]),
        event_time=row["event_time"],
        state=DeliveryState(row["state"]),
        attempts=row["attempts"],
        due_time=row["due_time"],
        response_status=row["response_status"],
        error=row["error"],
        last_attempt_time=row["last_attempt_time"],
    )


LISTING: Final = Listing(sql.SELECT, "k", "webhook_id", _webhook, newest_first("k"))
