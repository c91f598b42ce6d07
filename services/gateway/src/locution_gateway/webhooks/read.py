"""Read webhooks and their deliveries."""

from __future__ import annotations

from locution_gateway.platform.authorise import require
from locution_gateway.platform.filters import parse_filter
from locution_gateway.platform.listing import PageQuery
from locution_gateway.platform.pages import Binding, page_size
from locution_gateway.platform.principal import Principal, Role
from locution_gateway.webhooks.models import Delivery, Webhook, WebhookId
from locution_gateway.webhooks.postgres import DELIVERY_COLUMNS, PostgresWebhooks


class ReadWebhooks:
    """Reads a tenant's webhooks."""

    def __init__(self, webhooks: PostgresWebhooks) -> None:
        self._webhooks = webhooks

    async def get(self, principal: Principal, webhook_id: WebhookId) -> Webhook:
        """Read one. Refuses with WEBHOOK_NOT_FOUND."""
        require(principal, Role.ADMIN)
        return await self._webhooks.get(principal, webhook_id)

    async def list(self, principal: Principal, size: int, token: str) -> tuple[tuple[Webhook, ...], str]:
        """Read a page, newest first, and the token of the next. Refuses with PAGE_TOKEN_INVALID."""
        require(principal, Role.ADMIN)
        binding = Binding(principal, "webhooks")
        page = await self._webhooks.list(principal, PageQuery(page_size(size), after=binding.position(token)))
        return page.rows, binding.token(page.last)

    async def deliveries(
        self, principal: Principal, webhook_id: WebhookId, size: int, token: str, wanted: str
    ) -> tuple[tuple[Delivery, ...], str]:
        """Read a page of deliveries, newest first, and the token of the next.

        Refuses with WEBHOOK_NOT_FOUND, FILTER_INVALID, PAGE_TOKEN_INVALID.
        """
        require(principal, Role.ADMIN)
        binding = Binding(principal, "deliveries", str(webhook_id), wanted)
        parsed = parse_filter(wanted, DELIVERY_COLUMNS)
        query = PageQuery(page_size(size), parsed, after=binding.position(token))
        page = await self._webhooks.deliveries(principal, webhook_id, query)
        return page.rows, binding.token(page.last)
