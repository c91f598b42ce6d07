"""What webhooks need of the world."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from datetime import timedelta
from ipaddress import IPv4Address, IPv6Address
from typing import Protocol, TypeAlias

from locution_gateway.platform.listing import Page, PageQuery
from locution_gateway.platform.principal import Principal
from locution_gateway.platform.requests import RequestKey
from locution_gateway.webhooks.models import (
    AttemptResult,
    Backlog,
    Delivery,
    DeliveryId,
    Dispatch,
    NewWebhook,
    Outcome,
    Webhook,
    WebhookChange,
    WebhookId,
)

Address: TypeAlias = IPv4Address | IPv6Address


class WebhookStore(Protocol):
    """Webhooks of a tenant. Absent and foreign raise WEBHOOK_NOT_FOUND alike."""

    async def create(self, principal: Principal, webhook: NewWebhook, request: RequestKey | None) -> Webhook:
        """Create it once for a request, and return it with its secret.

        Refused with QUOTA_EXCEEDED, REQUEST_ID_REUSED.
        """

    async def get(self, principal: Principal, webhook_id: WebhookId) -> Webhook:
        """Read one."""

    async def list(self, principal: Principal, query: PageQuery) -> Page[Webhook]:
        """Read a page."""

    async def update(
        self, principal: Principal, webhook_id: WebhookId, version: int | None, change: WebhookChange
    ) -> Webhook:
        """Change it; enabling forgets why it was disabled. Refused with ETAG_MISMATCH."""

    async def delete(self, principal: Principal, webhook_id: WebhookId, version: int | None) -> None:
        """Delete it with its deliveries. Refused with ETAG_MISMATCH."""

    async def rotate(
        self, principal: Principal, webhook_id: WebhookId, replace: Callable[[str], str], overlap: timedelta
    ) -> Webhook:
        """Replace the newest secret, let those before end after the overlap, and return the webhook with it."""

    async def test(self, principal: Principal, webhook_id: WebhookId, delivery_id: DeliveryId) -> Delivery:
        """Queue a test. Refused with WEBHOOK_DISABLED."""

    async def deliveries(self, principal: Principal, webhook_id: WebhookId, query: PageQuery) -> Page[Delivery]:
        """Read a page of its deliveries."""

    async def redeliver(self, principal: Principal, webhook_id: WebhookId, delivery_id: DeliveryId) -> Delivery:
        """Make a delivery due now, its attempts counted anew; whoever holds it loses it.

        Refused with WEBHOOK_DELIVERY_NOT_FOUND, WEBHOOK_DISABLED.
        """


class Outbox(Protocol):
    """Deliveries of all tenants, as workers take them. Several workers may look at once."""

    async def claim(self, lease: timedelta, limit: int, per_webhook: int) -> Sequence[Dispatch]:
        """Take deliveries that are due, each after the earlier ones of its job; held until the lease is over."""

    async def delivered(self, principal: Principal, dispatch: Dispatch, outcome: Outcome) -> bool:
        """Keep that it was taken; False when it was held no longer."""

    async def failed(
        self, principal: Principal, dispatch: Dispatch, outcome: Outcome, delay: timedelta | None, patience: timedelta
    ) -> bool:
        """Keep that an attempt failed: due again after `delay`, or DEAD with None.

        Disables the webhook when every attempt failed for longer than `patience`. False when it was held no longer.
        """

    async def release(self, principal: Principal, dispatch: Dispatch) -> None:
        """Give it back unsent, without the attempt."""

    async def forget(self, age: timedelta, limit: int) -> None:
        """Drop deliveries that ended longer ago, and secrets whose time is over."""

    async def backlog(self) -> Backlog:
        """Say what waits, over all tenants."""


class Attempt(Protocol):
    """One attempt that is being measured."""

    def ended(self, result: AttemptResult, outcome: Outcome | None = None) -> None:
        """Note how it ended."""


class DeliveryMeasures(Protocol):
    """Measures deliveries; never raises, never blocks."""

    def attempt(self, dispatch: Dispatch) -> AbstractContextManager[Attempt]:
        """Measure an attempt that lasts while inside, as part of the trace of the delivery's job."""

    def backlog(self, backlog: Backlog) -> None:
        """Note what waits."""


class Resolver(Protocol):
    """Knows the addresses of names."""

    async def resolve(self, host: str, port: int) -> Sequence[Address]:
        """Return the addresses of a name, at least one. Raises OSError when there are none."""


class Sender(Protocol):
    """Carries a signed body to its receiver."""

    async def send(self, url: str, headers: dict[str, str], body: bytes) -> Outcome:
        """POST it once; every way in which that can fail is an Outcome."""
