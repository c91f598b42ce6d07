"""Weak secrets: known ones, examples from documents, and guessable ones."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final
from urllib.parse import unquote, urlsplit

from pydantic import SecretStr

from .base import Settings

KNOWN: Final = frozenset(
    {"admin", "default", "guest", "letmein", "locution", "minio", "minioadmin", "passw0rd", "password", "postgres"}
    | {"postgrespassword", "root", "s3cr3t", "secret", "test", "token", "your-secret-key", "40 random characters"}
    | {"0123456789abcdef", "1234567890123456", "abcdefghijklmnop"}
)
PLACEHOLDERS: Final = ("change-me", "changeme", "change_me", "replace-me", "replaceme", "example", "your-", "insecure")
IDENTIFIERS: Final = frozenset({"s3_access_key"})
"""Fields that logs hide although they are names rather than secrets."""

SHORTEST: Final = 16
SHORTEST_OF_OTHERS: Final = 12
"""For secrets that the operator of another system chooses."""
SHORTEST_PASSWORD: Final = 8
DISTINCT: Final = 5


def weak_secrets(settings: Settings) -> Iterator[tuple[str, str]]:
    """Yield field and fault of every secret that only `local` may use."""
    if settings.environment == "local":
        return
    for name in type(settings).model_fields:
        value = getattr(settings, name)
        if isinstance(value, SecretStr) and name not in IDENTIFIERS:
            fault = _fault(name, value.get_secret_value())
            if fault:
                yield name, f"{fault}, which only LOCUTION_ENVIRONMENT=local allows"


def _fault(name: str, value: str) -> str | None:
    if name.endswith("_url"):
        password = urlsplit(value).password
        return None if password is None else _judge(unquote(password), SHORTEST_PASSWORD, "has a password that ")
    return _judge(value, SHORTEST_OF_OTHERS if name == "s3_secret_key" else SHORTEST, "")


def _judge(value: str, shortest: int, lead: str) -> str | None:
    small = value.casefold()
    if small in KNOWN or small.startswith(PLACEHOLDERS):
        return f"{lead}is a known default"
    if len(value) < shortest:
        return f"{lead}is shorter than {shortest} characters"
    return f"{lead}has fewer than {DISTINCT} different characters" if len(set(value)) < DISTINCT else None
