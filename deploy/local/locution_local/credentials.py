"""Secrets of the local stack, created once and stored in files that only their owner may read."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from pathlib import Path

from locution_local.folder import StateFolder, write_private


@dataclass(frozen=True, slots=True)
class Credentials:
    """Return the stack's secrets, creating each on first use."""

    folder: StateFolder

    def path(self, name: str) -> Path:
        """Return the file of a secret, for settings that take a file name."""
        path = self.folder.secrets / name
        if not path.exists():
            write_private(path, secrets.token_hex(24))
        return path

    def value(self, name: str) -> str:
        """Return a secret, for settings that do not take a file name."""
        return self.path(name).read_text(encoding="utf-8")
