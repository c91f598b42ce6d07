"""Send webhooks over HTTP, to exactly the address that was judged.

A name is resolved once and all its addresses are judged. The connection goes to one of them and nowhere else, while TLS
and the Host header keep the name. No redirects, no proxies, no cookies, no connection reuse.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Iterable, Sequence
from datetime import timedelta
from importlib.metadata import version
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Final

import certifi
import httpcore

from locution_gateway.webhooks.guard import Guard
from locution_gateway.webhooks.models import Outcome, WebhookUrlRefused
from locution_gateway.webhooks.ports import Address, Resolver
from locution_gateway.webhooks.urls import Url

AGENT: Final = f"Locution-Webhooks/{version('locution-gateway')}"
MAX_ANSWER: Final = 64 * 1024
MAX_ADDRESSES: Final = 4


def trusting(more: Path | None = None) -> ssl.SSLContext:
    """Return which certificates of receivers are trusted: the public ones, and those of a file."""
    trust = ssl.create_default_context(cafile=certifi.where())
    trust.minimum_version = ssl.TLSVersion.TLSv1_2
    if more is not None:
        trust.load_verify_locations(cafile=str(more))
    return trust


class SystemResolver:
    """Resolves names by the system's resolver."""

    async def resolve(self, host: str, port: int) -> Sequence[Address]:
        """Return the addresses of a name. Raises OSError if there are none."""
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
        return list(dict.fromkeys(ip_address(address[0]) for *_, address in found))


class PinnedBackend(httpcore.AsyncNetworkBackend):
    """Connects to given addresses, whatever host is requested."""

    def __init__(self, addresses: Sequence[Address]) -> None:
        self._addresses = addresses[:MAX_ADDRESSES]
        self._network = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Connect to the first address that answers. Raises httpcore.ConnectError, httpcore.ConnectTimeout."""
        last: Exception = httpcore.ConnectError("no address")
        for address in self._addresses:
            try:
                return await self._network.connect_tcp(str(address), port, timeout, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                last = error
        raise last

    async def connect_unix_socket(self, *_arguments: Any, **_options: Any) -> httpcore.AsyncNetworkStream:
        """Refuse: webhooks are on the network."""
        raise httpcore.ConnectError("no unix sockets")

    async def sleep(self, seconds: float) -> None:
        """Sleep."""
        await asyncio.sleep(seconds)


class HttpSender:
    """Sends over HTTP/1.1, each attempt within `timeout` from the name's resolution to the answer."""

    def __init__(self, guard: Guard, resolver: Resolver, timeout: timedelta, trust: ssl.SSLContext) -> None:
        self._guard = guard
        self._resolver = resolver
        self._timeout = timeout.total_seconds()
        self._trust = trust

    async def send(self, url: str, headers: dict[str, str], body: bytes) -> Outcome:
        """POST it once. The answer's body is read up to 64 KiB and discarded."""
        try:
            async with asyncio.timeout(self._timeout):
                return await self._send(url, headers, body)
        except WebhookUrlRefused as error:
            return Outcome(error=f"refused: {error.message}")
        except TimeoutError:
            return Outcome(error=f"no answer within {self._timeout:g} s")
        except ssl.SSLCertVerificationError as error:
            return Outcome(error=f"the certificate is not trusted: {error.verify_message}")
        except (httpcore.NetworkError, httpcore.TimeoutException, httpcore.ProtocolError, OSError) as error:
            return Outcome(error=_why(error))

    async def _send(self, text: str, headers: dict[str, str], body: bytes) -> Outcome:
        url = self._guard.check_url(text)
        addresses = [url.address] if url.address else await self._resolved(url)
        self._guard.check_addresses(url, addresses)
        async with httpcore.AsyncConnectionPool(
            ssl_context=self._trust,
            max_keepalive_connections=0,
            http2=False,
            network_backend=PinnedBackend(addresses),
        ) as pool:
            return await self._post(pool, url, headers, body)

    async def _resolved(self, url: Url) -> Sequence[Address]:
        """Return the addresses of a host. An unknown host is refused in the words of one that is not public."""
        try:
            return await self._resolver.resolve(url.host, url.port)
        except OSError:
            return ()

    async def _post(
        self, pool: httpcore.AsyncConnectionPool, url: Url, headers: dict[str, str], body: bytes
    ) -> Outcome:
        target = httpcore.URL(
            scheme=url.scheme.encode(), host=url.host.encode(), port=url.port, target=url.target.encode()
        )
        fields = [("Host", url.authority), ("Connection", "close"), ("Content-Length", str(len(body)))]
        limit = dict.fromkeys(("connect", "read", "write", "pool"), self._timeout)
        sent = [*fields, *headers.items()]
        async with pool.stream("POST", target, headers=sent, content=body, extensions={"timeout": limit}) as answer:
            await _read_some(answer)
            return _judge(answer)


async def _read_some(answer: httpcore.Response) -> None:
    taken = 0
    async for piece in answer.aiter_stream():
        taken += len(piece)
        if taken >= MAX_ANSWER:
            return


def _judge(answer: httpcore.Response) -> Outcome:
    status = answer.status
    if 200 <= status < 300:
        return Outcome(status)
    if 300 <= status < 400:
        return Outcome(status, f"answered {status}; redirects are not followed")
    return Outcome(status, f"answered {status}", _retry_after(answer))


def _retry_after(answer: httpcore.Response) -> timedelta | None:
    """Read Retry-After in seconds (RFC 9110, 10.2.3); a date is not honoured."""
    value = next((value for name, value in answer.headers if name.lower() == b"retry-after"), b"")
    return timedelta(seconds=int(value)) if value.isdigit() and len(value) <= 6 else None


def _why(error: Exception) -> str:
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return f"the certificate is not trusted: {cause.verify_message}"
        cause = cause.__cause__ or cause.__context__
    return f"could not be sent: {type(error).__name__}"
