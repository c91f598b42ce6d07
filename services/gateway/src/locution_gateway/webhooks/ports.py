"""What webhooks need of the world."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv6Address
from typing import Protocol, TypeAlias

from locution_gateway.webhooks.models import AttemptResult, Outcome

Address: TypeAlias = IPv4Address | IPv6Address


class Attempt(Protocol):
    """One attempt that is being measured."""

    def ended(self, result: AttemptResult, outcome: Outcome | None = None) -> None:
        """Note how it ended."""


class Resolver(Protocol):
    """Knows the addresses of names."""

    async def resolve(self, host: str, port: int) -> Sequence[Address]:
        """Return the addresses of a name, at least one. Raises OSError when there are none."""


class Sender(Protocol):
    """Carries a signed body to its receiver."""

    async def send(self, url: str, headers: dict[str, str], body: bytes) -> Outcome:
        """POST it once; every way in which that can fail is an Outcome."""
