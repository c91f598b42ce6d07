"""What webhooks refuse, one class for each ErrorReason."""

from __future__ import annotations

from locution_common.errors import Code, FieldViolation, LocutionError


class WebhookNotFoundError(LocutionError):
    """No such webhook for this caller."""

    code = Code.NOT_FOUND
    reason = "WEBHOOK_NOT_FOUND"

    def __init__(self) -> None:
        super().__init__("there is no such webhook")


class WebhookDeliveryNotFoundError(LocutionError):
    """No such delivery of this webhook for this caller."""

    code = Code.NOT_FOUND
    reason = "WEBHOOK_DELIVERY_NOT_FOUND"

    def __init__(self) -> None:
        super().__init__("there is no such delivery")


class WebhookUrlRefusedError(LocutionError):
    """The URL does not parse, or leads where the server does not send."""

    code = Code.INVALID_ARGUMENT
    reason = "WEBHOOK_URL_REFUSED"

    def __init__(self, message: str) -> None:
        super().__init__(message, violations=[FieldViolation("webhook.url", message)])


class WebhookDisabledError(LocutionError):
    """The webhook is disabled, so nothing is sent to it."""

    code = Code.FAILED_PRECONDITION
    reason = "WEBHOOK_DISABLED"

    def __init__(self) -> None:
        super().__init__("the webhook is disabled")
