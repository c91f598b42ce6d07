"""The ports of webhooks."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv6Address
from typing import Protocol, TypeAlias

from locution_gateway.webhooks.models import AttemptResult, Outcome

Address: TypeAlias = IPv4Address | IPv6Address


class Attempt(Protocol):
    """A measured attempt."""

    def ended(self, result: AttemptResult, outcome: Outcome | None = None) -> None:
        """Record the result."""


class Resolver(Protocol):
    """Resolves host names."""

    async def resolve(self, host: str, port: int) -> Sequence[Address]:
        """Return the addresses of a name, at least one. Raises OSError if there are none."""


class Sender(Protocol):
    """Sends a signed body to its receiver."""

    async def send(self, url: str, headers: dict[str, str], body: bytes) -> Outcome:
        """POST it once; every failure is an Outcome."""
