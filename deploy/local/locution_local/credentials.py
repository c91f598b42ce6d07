"""Secrets of the local stack: made once, kept in files that their owner alone may read."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from pathlib import Path

from locution_local.folder import StateFolder, write_private


@dataclass(frozen=True, slots=True)
class Credentials:
    """Give out the stack's secrets, making each on first use."""

    folder: StateFolder

    def path(self, name: str) -> Path:
        """Return the file that holds a secret, for settings that name a file."""
        path = self.folder.secrets / name
        if not path.exists():
            write_private(path, secrets.token_hex(24))
        return path

    def value(self, name: str) -> str:
        """Return the secret itself, for settings that take no file."""
        return self.path(name).read_text(encoding="utf-8")
