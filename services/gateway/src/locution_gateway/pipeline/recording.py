"""A job's decoded audio: one object of s16le PCM at 16 kHz per channel."""

from __future__ import annotations

from collections.abc import AsyncIterator

from locution_common.objects import ObjectStore

from locution_gateway.jobs.models import LeaseToken, Section
from locution_gateway.platform.ids import JobId
from locution_gateway.platform.principal import TenantId

SAMPLE_BYTES = 2
RANGE_BYTES = 1 << 18


def pcm_prefix(tenant_id: TenantId, job_id: JobId, token: LeaseToken) -> str:
    """Return the prefix of an attempt's PCM: each attempt has its own, so a stale one overwrites nothing."""
    return f"{tenant_id.hex}/jobs/{job_id.hex}/pcm/{token.hex}"


def channel_key(pcm_key: str, channel: int) -> str:
    """Return the object of one channel."""
    return f"{pcm_key}/{channel}.pcm"


async def held(pcm: bytes, section: Section) -> AsyncIterator[bytes]:
    """Yield a section of a channel that is in memory."""
    yield pcm[section.start * SAMPLE_BYTES : section.end * SAMPLE_BYTES]


class StoredRecording:
    """Reads sections of PCM by range."""

    def __init__(self, store: ObjectStore) -> None:
        """Read from `store`."""
        self._store = store

    async def read(self, pcm_key: str, channel: int, section: Section) -> AsyncIterator[bytes]:
        """Yield the section's mono s16le PCM at 16 kHz in chunks of whole samples, with flat memory."""
        offset, length = section.start * SAMPLE_BYTES, (section.end - section.start) * SAMPLE_BYTES
        key = channel_key(pcm_key, channel)
        async for data in self._store.stream(key, offset=offset, length=length, range_size=RANGE_BYTES):
            yield data
