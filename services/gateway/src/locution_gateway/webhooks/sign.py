"""Keys and signatures of Standard Webhooks (github.com/standard-webhooks): HMAC-SHA256 as `v1`, Ed25519 as `v1a`."""

from __future__ import annotations

import base64
import os
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from standardwebhooks import Webhook

from locution_gateway.webhooks.models import SignatureScheme

SHARED: Final = "whsec_"
PRIVATE_KEY: Final = "whsk_"
PUBLIC_KEY: Final = "whpk_"

SEED: Final = 32
"""Bytes of an Ed25519 seed; a private key is its seed followed by the public key."""


def new_secret(scheme: SignatureScheme) -> str:
    """Return a secret of 256 random bits, or a private key."""
    if scheme is SignatureScheme.HMAC_SHA256:
        return SHARED + _base64(os.urandom(32))
    key = Ed25519PrivateKey.generate()
    return PRIVATE_KEY + _base64(key.private_bytes_raw() + key.public_key().public_bytes_raw())


def scheme_of(secret: str) -> SignatureScheme:
    """Return the signature scheme of a secret."""
    return SignatureScheme.ED25519 if secret.startswith(PRIVATE_KEY) else SignatureScheme.HMAC_SHA256


def public_key(secret: str) -> str | None:
    """Return the key by which receivers verify; None for a shared secret."""
    if scheme_of(secret) is SignatureScheme.HMAC_SHA256:
        return None
    return PUBLIC_KEY + _base64(base64.b64decode(secret.removeprefix(PRIVATE_KEY))[SEED:])


def signatures(secrets: Iterable[str], message_id: str, seconds: int, body: bytes) -> str:
    """Return the value of `webhook-signature`: one signature by each valid secret."""
    return " ".join(_signature(secret, message_id, seconds, body) for secret in secrets)


def _signature(secret: str, message_id: str, seconds: int, body: bytes) -> str:
    if scheme_of(secret) is SignatureScheme.HMAC_SHA256:
        return Webhook(secret).sign(message_id, datetime.fromtimestamp(seconds, UTC), body.decode())
    seed = base64.b64decode(secret.removeprefix(PRIVATE_KEY))[:SEED]
    signed = f"{message_id}.{seconds}.".encode() + body
    return f"v1a,{_base64(Ed25519PrivateKey.from_private_bytes(seed).sign(signed))}"


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()
