"""Secrets and signatures: HMAC-SHA256 (RFC 2104) over the time of the attempt and the body."""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
from collections.abc import Iterable
from typing import Final

HEADER: Final = "Locution-Signature"
PREFIX: Final = "whsec_"


def new_secret() -> str:
    """Return a secret of 256 random bits."""
    return PREFIX + base64.urlsafe_b64encode(os.urandom(32)).decode().rstrip("=")


def signature(secrets: Iterable[str], seconds: int, body: bytes) -> str:
    """Return the header's value: `t=<seconds>` and a `v1=<hex>` for each secret that is good now."""
    signed = f"{seconds}.".encode() + body
    found = (hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest() for secret in secrets)
    return ",".join([f"t={seconds}", *(f"v1={each}" for each in found)])
