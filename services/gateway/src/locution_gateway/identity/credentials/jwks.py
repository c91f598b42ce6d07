"""The keys of OIDC issuers (RFC 7517), fetched over HTTP and cached.

A set is fresh for five minutes. While its issuer is unreachable, the last set is used for up to a day. An unknown key
id may be a new key, so it triggers a fetch, but at most once in ten seconds, because anyone can invent key ids.
Concurrent callers share one request.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from typing import Any, Final

import httpx
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from locution_common.clock import Clock
from locution_common.errors import DependencyUnavailable

_log = logging.getLogger(__name__)

FRESH: Final = 300.0
STALE: Final = 86_400.0
UNKNOWN_KEY_PAUSE: Final = 10.0
MAX_BYTES: Final = 262_144


@dataclass(slots=True)
class _Kept:
    keys: dict[str, Any]
    time: float


class JwksCache:
    """Gives keys of sets by URI and key id."""

    def __init__(self, http: httpx.AsyncClient, clock: Clock) -> None:
        self._http = http
        self._clock = clock
        self._kept: dict[str, _Kept] = {}
        self._tried: dict[str, float] = {}
        self._asked: dict[str, asyncio.Task[None]] = {}

    async def key(self, uri: str, key_id: str) -> Any | None:
        """Return a key, or None if the set does not hold it. Raises DependencyUnavailable without any set."""
        kept = self._kept.get(uri)
        if kept is None or self._age(kept) > FRESH:
            await self._refresh(uri, pause=0.0 if kept is None else UNKNOWN_KEY_PAUSE)
        elif key_id not in kept.keys:
            await self._refresh(uri, pause=UNKNOWN_KEY_PAUSE)
        kept = self._kept.get(uri)
        if kept is None or self._age(kept) > STALE:
            raise DependencyUnavailable("the keys of the token's issuer cannot be fetched")
        return kept.keys.get(key_id)

    def _age(self, kept: _Kept) -> float:
        return self._clock.monotonic() - kept.time

    async def _refresh(self, uri: str, pause: float) -> None:
        """Fetch a set, unless it was tried recently; a failure keeps the cached set."""
        last = self._tried.get(uri)
        if uri not in self._asked:
            if last is not None and self._clock.monotonic() - last < max(pause, 1.0):
                return
            self._tried[uri] = self._clock.monotonic()
            self._asked[uri] = asyncio.create_task(self._fetch(uri))
        await asyncio.shield(self._asked[uri])

    async def _fetch(self, uri: str) -> None:
        try:
            self._kept[uri] = _Kept(_by_id(await self._body(uri)), self._clock.monotonic())
        except (httpx.HTTPError, JoseError, ValueError, TypeError, KeyError) as error:
            _log.warning("cannot fetch the keys of an issuer", extra={"uri": uri, "error": type(error).__name__})
        finally:
            del self._asked[uri]

    async def _body(self, uri: str) -> Any:
        async with self._http.stream("GET", uri, follow_redirects=False) as answer:
            answer.raise_for_status()
            body = bytearray()
            async for chunk in answer.aiter_bytes():
                body += chunk
                if len(body) > MAX_BYTES:
                    raise ValueError("the set of keys is too large")
        return httpx.Response(200, content=bytes(body)).json()


def _by_id(document: Any) -> dict[str, Any]:
    """Return the keys of a set by id, without symmetric keys, which do not belong into a public set."""
    usable = [key for key in document["keys"] if isinstance(key, dict) and key.get("kty") != "oct"]
    found = KeySet.import_key_set({"keys": [key for key in usable if key.get("use", "sig") == "sig"]})
    return {str(key.kid): key for key in found.keys if key.kid}
