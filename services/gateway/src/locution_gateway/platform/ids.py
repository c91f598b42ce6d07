"""Identifiers that sort by time."""

from __future__ import annotations

import os
import time
from typing import NewType
from uuid import UUID


def new_id() -> UUID:
    """Return a UUID of version 7 (RFC 9562): 48 bits of milliseconds, then random bits."""
    value = (time.time_ns() // 1_000_000) << 80 | int.from_bytes(os.urandom(10))
    value = value & ~(0xF << 76) | 0x7 << 76
    return UUID(int=value & ~(0x3 << 62) | 0x2 << 62)


JobId = NewType("JobId", UUID)
UploadId = NewType("UploadId", UUID)
VoiceId = NewType("VoiceId", UUID)
