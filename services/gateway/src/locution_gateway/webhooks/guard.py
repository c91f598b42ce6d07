"""Where the server may send: the public internet, and what the operator allows in addition.

The ranges are those of the IANA registries of special-purpose addresses (RFC 6890 and its successors), plus the
metadata addresses of clouds. For IPv6 the rule is inverted: only 2000::/3 is routed, minus the special ranges in it, so
::ffff:0:0/96 (mapped), 64:ff9b::/96 (NAT64), fc00::/7 and fe80::/10 need no entry.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Final, TypeAlias

from locution_gateway.webhooks.models import WebhookUrlRefused
from locution_gateway.webhooks.ports import Address
from locution_gateway.webhooks.urls import Url, parse

Network: TypeAlias = IPv4Network | IPv6Network

REFUSED: Final[tuple[Network, ...]] = tuple(
    ip_network(text)
    for text in (
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24",
        "192.0.2.0/24", "192.31.196.0/24", "192.52.193.0/24", "192.88.99.0/24", "192.168.0.0/16", "192.175.48.0/24",
        "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
        # Azure's WireServer, which looks public.
        "168.63.129.16/32",
        # Teredo and other protocol assignments, documentation, 6to4, AS112, documentation again.
        "2001::/23", "2001:db8::/32", "2002::/16", "2620:4f:8000::/48", "3fff::/20",
    )
)  # fmt: skip
ROUTED: Final = IPv6Network("2000::/3")

_NAME: Final = re.compile(r"[a-z0-9_-]+(\.[a-z0-9_-]+)*")

NOT_PUBLIC: Final = "the host does not resolve to public addresses"
"""What is said of every host that is not sent to: nobody learns which internal names exist."""


def is_public(address: Address) -> bool:
    """Tell whether an address belongs to the public internet."""
    if any(address.version == network.version and address in network for network in REFUSED):
        return False
    return address.is_global and not address.is_multicast and (address.version == 4 or address in ROUTED)


@dataclass(frozen=True, slots=True)
class Guard:
    """What the operator allows in addition to public addresses over https."""

    networks: tuple[Network, ...] = ()
    hosts: frozenset[str] = frozenset()
    http: bool = False

    @classmethod
    def read(cls, allow: str, *, http: bool) -> Guard:
        """Read a comma list of networks and host names. Raises ValueError for anything else."""
        networks: list[Network] = []
        hosts = set()
        for entry in filter(None, (part.strip().lower() for part in allow.split(","))):
            if "/" in entry or ":" in entry or entry.rpartition(".")[2].isdigit():
                networks.append(ip_network(entry))
            elif _NAME.fullmatch(entry):
                hosts.add(entry)
            else:
                raise ValueError(f"{entry!r} is neither a network nor a host name")
        return cls(tuple(networks), frozenset(hosts), http)

    def check_url(self, text: str) -> Url:
        """Parse a URL and judge what it shows itself. Raises WebhookUrlRefused."""
        url = parse(text)
        if url.scheme != "https" and not self.http:
            raise WebhookUrlRefused("only https is allowed here")
        if url.address is not None:
            self.check_addresses(url, [url.address])
        return url

    def check_addresses(self, url: Url, addresses: Sequence[Address]) -> None:
        """Judge the addresses of a URL: a single refused one refuses all. Raises WebhookUrlRefused."""
        if not addresses:
            raise WebhookUrlRefused(NOT_PUBLIC)
        if url.host not in self.hosts and not all(map(self._allowed, addresses)):
            raise WebhookUrlRefused(NOT_PUBLIC)

    def _allowed(self, address: Address) -> bool:
        return is_public(address) or any(
            address.version == network.version and address in network for network in self.networks
        )
