"""Create, change, rotate, test and delete webhooks."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields, replace
from datetime import timedelta

from locution_gateway.platform.authorise import require
from locution_gateway.platform.ids import new_id
from locution_gateway.platform.masks import unchangeable
from locution_gateway.platform.principal import Principal, Role
from locution_gateway.platform.requests import RequestKey
from locution_gateway.webhooks.guard import Guard
from locution_gateway.webhooks.models import (
    ENDS,
    Delivery,
    DeliveryId,
    EventType,
    NewWebhook,
    SignatureScheme,
    Webhook,
    WebhookChange,
    WebhookId,
)
from locution_gateway.webhooks.postgres import PostgresWebhooks
from locution_gateway.webhooks.sign import new_secret, scheme_of

CHANGEABLE = tuple(field.name for field in fields(WebhookChange))


@dataclass(frozen=True, slots=True)
class WebhookDraft:
    """A client's description of a new webhook."""

    url: str
    display_name: str
    event_types: tuple[EventType, ...]
    disabled: bool
    signature_scheme: SignatureScheme


class ManageWebhooks:
    """Manages a tenant's webhooks."""

    def __init__(self, webhooks: PostgresWebhooks, guard: Guard, limit: int) -> None:
        """Allow at most `limit` webhooks per tenant."""
        self._webhooks = webhooks
        self._guard = guard
        self._limit = limit

    def check(self, principal: Principal, draft: WebhookDraft) -> None:
        """Raise what `create` would raise for the draft itself."""
        require(principal, Role.ADMIN)
        self._guard.check_url(draft.url)

    async def create(self, principal: Principal, draft: WebhookDraft, request: RequestKey | None) -> Webhook:
        """Create one with its secret. Refuses with WEBHOOK_URL_REFUSED, QUOTA_EXCEEDED, REQUEST_ID_REUSED."""
        self.check(principal, draft)
        webhook = NewWebhook(
            webhook_id=WebhookId(new_id()),
            display_name=draft.display_name,
            url=draft.url,
            event_types=draft.event_types or ENDS,
            disabled=draft.disabled,
            secret=new_secret(draft.signature_scheme),
            limit=self._limit,
        )
        return await self._webhooks.create(principal, webhook, request)

    async def update(
        self,
        principal: Principal,
        webhook_id: WebhookId,
        version: int | None,
        mask: Iterable[str],
        values: WebhookChange,
    ) -> Webhook:
        """Set the fields of the mask. Refuses with UPDATE_MASK_INVALID, WebhookUrlRefused, ETAG_MISMATCH."""
        require(principal, Role.ADMIN)
        change = masked(mask, values)
        if change.url is not None:
            self._guard.check_url(change.url)
        return await self._webhooks.update(principal, webhook_id, version, change)

    async def delete(self, principal: Principal, webhook_id: WebhookId, version: int | None) -> None:
        """Delete one with its deliveries. Refuses with ETAG_MISMATCH."""
        require(principal, Role.ADMIN)
        await self._webhooks.delete(principal, webhook_id, version)

    async def rotate(self, principal: Principal, webhook_id: WebhookId, overlap: timedelta) -> Webhook:
        """Create a new secret of the same scheme; the previous ones stay valid for the overlap."""
        require(principal, Role.ADMIN)
        return await self._webhooks.rotate(principal, webhook_id, lambda secret: new_secret(scheme_of(secret)), overlap)

    async def test(self, principal: Principal, webhook_id: WebhookId) -> Delivery:
        """Queue a test delivery. Refuses with WEBHOOK_DISABLED."""
        require(principal, Role.ADMIN)
        return await self._webhooks.test(principal, webhook_id, DeliveryId(new_id()))

    async def redeliver(self, principal: Principal, webhook_id: WebhookId, delivery_id: DeliveryId) -> Delivery:
        """Send a delivery again. Refuses with WEBHOOK_DELIVERY_NOT_FOUND, WEBHOOK_DISABLED."""
        require(principal, Role.ADMIN)
        return await self._webhooks.redeliver(principal, webhook_id, delivery_id)


def masked(mask: Iterable[str], values: WebhookChange) -> WebhookChange:
    """Return the values of the mask's fields; empty event types mean the ends of jobs."""
    change = WebhookChange()
    for path in mask:
        if path not in CHANGEABLE:
            raise unchangeable(path, CHANGEABLE)
        change = replace(change, **{path: getattr(values, path)})
    return replace(change, event_types=ENDS) if change.event_types == () else change
