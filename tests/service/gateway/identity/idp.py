"""An issuer of OIDC tokens on loopback: real keys, a real HTTP server for them, and faults on demand."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey


@dataclass
class Idp:
    """Signs tokens and serves its keys; `requests` counts how often they were fetched."""

    keys: dict[str, RSAKey | ECKey] = field(default_factory=dict)
    url: str = ""
    requests: int = 0
    broken: bool = False
    slow: float = 0.0

    @property
    def jwks_uri(self) -> str:
        return f"{self.url}/jwks"

    def add(self, key_id: str, key: RSAKey | ECKey | None = None) -> None:
        self.keys[key_id] = key or RSAKey.generate_key(2048, {"kid": key_id, "use": "sig"})

    def token(self, key_id: str = "one", alg: str = "RS256", **changed: Any) -> str:
        """Sign claims; a claim of None is left out."""
        now = int(time.time())
        claims = {"iss": self.url, "aud": "acme", "sub": "anna", "iat": now, "exp": now + 300} | changed
        kept = {name: value for name, value in claims.items() if value is not None}
        return jwt.encode({"alg": alg, "kid": key_id}, kept, self.keys[key_id], algorithms=[alg])

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while (line := await reader.readline()) not in (b"\r\n", b""):
                assert line
            self.requests += 1
            await asyncio.sleep(self.slow)
            keys = [key.as_dict(private=False) | {"kid": name} for name, key in self.keys.items()]
            body = json.dumps({"keys": keys}).encode()
            status = "500 Broken" if self.broken else "200 OK"
            head = f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n"
            writer.write(f"{head}Connection: close\r\n\r\n".encode() + body)
            await writer.drain()
        finally:
            writer.close()


@asynccontextmanager
async def serving_idp() -> AsyncIterator[Idp]:
    """Serve an issuer with one key."""
    idp = Idp()
    idp.add("one")
    server = await asyncio.start_server(idp.serve, "127.0.0.1", 0)
    idp.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with server:
        yield idp
