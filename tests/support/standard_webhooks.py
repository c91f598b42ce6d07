"""Verify deliveries as receivers do: `v1` by the library of Standard Webhooks, `v1a` by the public key."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import standardwebhooks.webhooks
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from standardwebhooks import Webhook, WebhookVerificationError

__all__ = ["WebhookVerificationError", "verify", "verify_by_public_key"]


def verify(headers: Mapping[str, str], body: bytes, secret: str) -> dict[str, Any]:
    """Return what a delivery tells; raise WebhookVerificationError where its signature is not by the secret."""
    told: dict[str, Any] = Webhook(secret).verify(body, dict(headers))
    return told


def verify_by_public_key(headers: Mapping[str, str], body: bytes, key: str) -> dict[str, Any]:
    """Do the same by a public key; it does not look at the clock."""
    public = Ed25519PublicKey.from_public_bytes(base64.b64decode(key.removeprefix("whpk_")))
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    for each in headers["webhook-signature"].split(" "):
        version, _, signature = each.partition(",")
        try:
            if version == "v1a":
                public.verify(base64.b64decode(signature), signed)
                return dict(json.loads(body))
        except InvalidSignature:
            continue
    raise WebhookVerificationError("no signature is by this key")


def now_is(seconds: float, monkeypatch: Any) -> None:
    """Let the library see another time."""

    class Clock(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> Clock:
            return cls.fromtimestamp(seconds, tz)

    monkeypatch.setattr(standardwebhooks.webhooks, "datetime", Clock)
