"""Addresses of other services: how they are written, and what they resolve to."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Sequence
from typing import Final, TypeAlias

Address: TypeAlias = tuple[str, int]
"""Host and port. The host is a name or an IP address, without brackets."""

Places: TypeAlias = list[list[Address]]
"""Lists of addresses in order of preference: the first one that resolves is used, all its addresses in turn."""

FORM: Final = (
    "host:port; several separated by commas, all used in turn; after a semicolon, those to use while none before it "
    "resolves; or a gRPC target such as unix:/path"
)

_NO_SUCH_NAME: Final = (socket.EAI_NONAME, socket.EAI_NODATA)
_SCHEMES: Final = ("dns", "ipv4", "ipv6", "unix", "xds")


def checked(text: str) -> str:
    """Return an address that a channel can be opened to; raises ValueError, saying what is wrong."""
    if not is_target(text):
        places(text)
    return text


def is_target(text: str) -> bool:
    """Return whether gRPC is to interpret the address; `dns:///host:port` means host:port."""
    return not text.startswith("dns:///") and text.split(":", 1)[0] in _SCHEMES


def places(text: str) -> Places:
    """Return the hosts and ports that an address names; raises ValueError if there are none or one is malformed."""
    found = [[_address(part.strip()) for part in names.split(",") if part.strip()] for names in text.split(";")]
    if not (named := [names for names in found if names]):
        raise ValueError("names no host")
    for names in named:
        if len({":" in host for host, _ in names if is_literal(host)}) > 1:
            raise ValueError("mixes IPv4 and IPv6, of which a channel can use one")
    return named


def is_literal(host: str) -> bool:
    """Return whether a host is an IP address."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def written(address: Address) -> str:
    """Return host:port, with brackets around an IPv6 address."""
    host, port = address
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def target(addresses: Sequence[Address]) -> str:
    """Return gRPC's target for IP addresses. It holds addresses of one family: IPv4 where there is any."""
    fourth = [address for address in addresses if ":" not in address[0]]
    family, chosen = ("ipv4", fourth) if fourth else ("ipv6", addresses)
    return f"{family}:" + ",".join(written(address) for address in chosen)


async def resolve(address: Address) -> list[Address] | None:
    """Return the IP addresses of a name by the system's resolver: none if it has none, None if that is not known."""
    host, port = address
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except socket.gaierror as error:
        return [] if error.errno in _NO_SUCH_NAME else None
    except UnicodeError:
        return []
    except OSError:
        return None
    return [(str(where[0]), int(where[1])) for *_, where in found]


def _address(text: str) -> Address:
    host, _, port = text.removeprefix("dns:///").rpartition(":")
    if not host or not port.isdecimal() or not 0 < int(port) <= 65535:
        raise ValueError(f"{text!r} is not host:port")
    return host.removeprefix("[").removesuffix("]"), int(port)
