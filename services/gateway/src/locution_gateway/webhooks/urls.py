"""The only parser of webhook URLs, for the check at creation and for sending.

It accepts less than browsers do, so that two parsers cannot differ: ASCII, no user, no fragment, no percent sign in the
host, an address in its plain form or a name in DNS letters.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import AddressValueError, IPv4Address, IPv6Address
from typing import Final

from locution_gateway.webhooks.models import WebhookUrlRefused
from locution_gateway.webhooks.ports import Address

MAX_LENGTH: Final = 2048
PORTS: Final = {"https": 443, "http": 80}

_URL: Final = re.compile(
    r"(?P<scheme>https?)://"
    r"(?P<host>\[[0-9A-Fa-f:.]{2,45}\]|[A-Za-z0-9.-]{1,253})"
    r"(?::(?P<port>[0-9]{1,5}))?"
    # RFC 3986: pchar, "/", and "?" for the query.
    r"(?P<target>(?:/[A-Za-z0-9._~!$&'()*+,;=:@%/-]*)?(?:\?[A-Za-z0-9._~!$&'()*+,;=:@%/?-]*)?)"
)
_LABEL: Final = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
# A host that ends in a number is an address in any form (WHATWG URL, "ends in a number").
_NUMBER: Final = re.compile(r"[0-9]+|0x[0-9a-f]*")
_ESCAPE: Final = re.compile(r"%(?![0-9A-Fa-f]{2})")


@dataclass(frozen=True, slots=True)
class Url:
    """A parsed URL: `host` is a lowercase name, or the text of `address`; `target` begins with "/"."""

    scheme: str
    host: str
    address: Address | None
    port: int
    target: str

    @property
    def authority(self) -> str:
        """Return the value of the Host header."""
        host = f"[{self.host}]" if isinstance(self.address, IPv6Address) else self.host
        return host if self.port == PORTS[self.scheme] else f"{host}:{self.port}"


def parse(text: str) -> Url:
    """Parse a URL. Raises WebhookUrlRefused with the fault."""
    if len(text) > MAX_LENGTH:
        raise WebhookUrlRefused(f"a URL may have at most {MAX_LENGTH} characters")
    match = _URL.fullmatch(text)
    if match is None or _ESCAPE.search(match["target"]):
        raise WebhookUrlRefused("a URL is https://host[:port]/path?query in ASCII, without user and fragment")
    port = int(match["port"]) if match["port"] else PORTS[match["scheme"]]
    if not 1 <= port <= 65535:
        raise WebhookUrlRefused("a port is from 1 to 65535")
    host, address = _host(match["host"])
    target = match["target"]
    return Url(match["scheme"], host, address, port, target if target.startswith("/") else f"/{target}")


def _host(text: str) -> tuple[str, Address | None]:
    if text.startswith("["):
        return _address(IPv6Address, text[1:-1])
    host = text.lower()
    labels = host.split(".")
    if _NUMBER.fullmatch(labels[-1]):
        return _address(IPv4Address, host)
    if not all(_LABEL.fullmatch(label) for label in labels):
        raise WebhookUrlRefused("the host is no name of DNS")
    return host, None


def _address(kind: type[IPv4Address] | type[IPv6Address], text: str) -> tuple[str, Address]:
    try:
        address = kind(text)
    except AddressValueError:
        raise WebhookUrlRefused("the host is no address in its plain form") from None
    return str(address), address
