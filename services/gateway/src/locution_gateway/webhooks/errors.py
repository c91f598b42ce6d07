"""The refusal of webhooks that is caught."""

from __future__ import annotations

from locution_common.errors import Reason, Refused


class WebhookUrlRefused(Refused):
    """The URL does not parse, or leads where the server does not send."""

    def __init__(self, message: str) -> None:
        super().__init__(Reason.WEBHOOK_URL_REFUSED, message, field="webhook.url")
