"""The session of a user, in a file that only its owner may read."""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from google.protobuf.timestamp_pb2 import Timestamp
from locution.v1.account_service_pb2 import Session

MARGIN = 120.0
"""Seconds before its expiry at which an access token is renewed."""


@dataclass(frozen=True, slots=True)
class StoredSession:
    """The tokens of a session at one server; times are in seconds since 1970."""

    address: str
    user: str
    access_token: str
    access_expires: float
    refresh_token: str
    refresh_expires: float

    @property
    def renew_in(self) -> float:
        """Return the seconds until the access token should be renewed; zero or less means now."""
        return self.access_expires - MARGIN - time.time()

    @property
    def over(self) -> bool:
        """Tell whether the refresh token has expired too."""
        return self.refresh_expires <= time.time()


def stored(address: str, session: Session) -> StoredSession:
    """Return a session as it is stored."""
    return StoredSession(
        address=address,
        user=session.user,
        access_token=session.access_token,
        access_expires=_seconds(session.access_expire_time),
        refresh_token=session.refresh_token,
        refresh_expires=_seconds(session.refresh_expire_time),
    )


@dataclass(frozen=True, slots=True)
class SessionFile:
    """A file that holds one session."""

    path: Path

    def read(self, address: str) -> StoredSession | None:
        """Return the session at a server, or None if there is none or it belongs to another server."""
        try:
            found = StoredSession(**json.loads(self.path.read_text(encoding="utf-8")))
        except (FileNotFoundError, ValueError, TypeError):
            return None
        return found if found.address == address else None

    def write(self, session: StoredSession) -> None:
        """Replace the session atomically, readable by its owner only."""
        self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        partial = self.path.with_name(f".{self.path.name}.{os.getpid()}")
        descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump(asdict(session), file)
        partial.replace(self.path)

    def remove(self) -> None:
        """Delete the session."""
        self.path.unlink(missing_ok=True)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Lock out other processes while renewing, because a refresh token that is used twice ends its session."""
        self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(self.path.with_name(f"{self.path.name}.lock"), os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)


def _seconds(time_of: Timestamp) -> float:
    return time_of.seconds + time_of.nanos / 1e9
