"""How the command line authenticates: with a key, or with a stored session that it renews as needed."""

from __future__ import annotations

import asyncio
import dataclasses
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from locution_client.cli import show
from locution_client.client import Client
from locution_client.errors import ApiError
from locution_client.sessions import SessionFile, StoredSession, stored
from locution_client.settings import API_KEY, Connection, NotConfigured, connection, session_file

AFTER_FAILURE = 30.0
"""Seconds between attempts to renew a session whose token is still valid."""


@asynccontextmanager
async def connected(address: str | None, *, anonymous: bool) -> AsyncIterator[Client]:
    """Open a client with LOCUTION_API_KEY, else with the stored session, else with the key in client.env."""
    found = connection(needs_key=False)
    if address:
        found = dataclasses.replace(found, address=address)
    file = SessionFile(session_file())
    session = None if os.environ.get(API_KEY) else file.read(found.address)
    if anonymous:
        found, session = dataclasses.replace(found, api_key=""), None
    elif session is None and not found.api_key:
        raise NotConfigured(f"no API key and no session for {found.address}. Set {API_KEY}, or run `locution login`")
    async with _client(found, file, session) as client:
        yield client


@asynccontextmanager
async def _client(found: Connection, file: SessionFile, session: StoredSession | None) -> AsyncIterator[Client]:
    async with Client(found, waiting=show.waiting) as client:
        if session is None:
            yield client
            return
        session = await renew(client, file, session)
        client.show(session.access_token)
        renewing = asyncio.create_task(_keep(client, file, session))
        try:
            yield client
        finally:
            renewing.cancel()
            with suppress(asyncio.CancelledError):
                await renewing


async def renew(client: Client, file: SessionFile, session: StoredSession) -> StoredSession:
    """Return a session whose access token stays valid for a while. Raises ApiError if the session has ended."""
    if session.renew_in > 0:
        return session
    with file.locked():
        current = file.read(session.address) or session  # another process may have renewed it meanwhile
        if current.renew_in <= 0:
            current = stored(session.address, await client.accounts.refresh(current.refresh_token))
            file.write(current)
    return current


async def _keep(client: Client, file: SessionFile, session: StoredSession) -> None:
    while True:
        await asyncio.sleep(max(session.renew_in, 0) + 1)
        try:
            session = await renew(client, file, session)
        except ApiError as error:
            show.failure(error, "cannot renew the session")
            await asyncio.sleep(AFTER_FAILURE)
        else:
            client.show(session.access_token)
