"""The address of a client: the connection's peer, or what trusted proxies say of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final, TypeAlias
from urllib.parse import unquote

from locution_common.auth import Metadata

Address: TypeAlias = IPv4Address | IPv6Address
Network: TypeAlias = IPv4Network | IPv6Network

FORWARDED: Final = "x-forwarded-for"
ONE_NETWORK: Final = 64
"""Bits of an IPv6 address that name one client: a subscriber has at least a /64 (RFC 6177)."""
LOCAL: Final = "local"


def read_networks(text: str) -> tuple[Network, ...]:
    """Read a comma list of networks. Raises ValueError for anything else, and for a network of all addresses."""
    networks = tuple(ip_network(part.strip()) for part in text.split(",")) if text.strip() else ()
    if any(network.prefixlen == 0 for network in networks):
        raise ValueError("a network of all addresses would let every client state its address itself")
    return networks


class ClientAddresses:
    """Tells which address a call counts for."""

    def __init__(self, proxies: Iterable[Network] = ()) -> None:
        self._proxies = tuple(proxies)

    def of(self, peer: str, metadata: Metadata) -> str:
        """Return the address of a client by gRPC's name of its peer, for example "ipv4:192.0.2.1:4711".

        If the peer is a trusted proxy, it is the last address of `x-forwarded-for` that is not one. What stands before
        it, the client may have written. An IPv6 address counts as its /64. A Unix socket is "local".
        """
        address = _address(unquote(peer.partition(":")[2])) if peer.startswith(("ipv4:", "ipv6:")) else None
        if address is None:
            return LOCAL
        for stated in _forwarded(metadata):
            before = _address(stated) if self._trusts(address) else None
            if before is None:
                break
            address = before
        return _counted(address)

    def _trusts(self, address: Address) -> bool:
        return any(address.version == network.version and address in network for network in self._proxies)


def _forwarded(metadata: Metadata) -> Iterator[str]:
    """Yield what proxies wrote, the nearest one first."""
    values = (value for key, value in reversed(metadata) if key == FORWARDED and isinstance(value, str))
    return (part.strip() for value in values for part in reversed(value.split(",")))


def _address(text: str) -> Address | None:
    """Read an address with or without a port: "192.0.2.1", "192.0.2.1:80", "2001:db8::1", "[2001:db8::1]:80"."""
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ip_address(text)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def _counted(address: Address) -> str:
    if isinstance(address, IPv4Address):
        return str(address)
    return str(IPv6Network((int(address), ONE_NETWORK), strict=False))
