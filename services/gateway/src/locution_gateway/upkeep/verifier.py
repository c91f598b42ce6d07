"""Verify sealed uploads in the background."""

from __future__ import annotations

import asyncio
from typing import Final

from locution_gateway.platform.background import guarded
from locution_gateway.platform.ids import UploadId
from locution_gateway.platform.principal import TenantId, system
from locution_gateway.upkeep.postgres import PostgresUpkeep
from locution_gateway.uploads.verify import VerifyUpload

AT_ONCE: Final = 2


class Verifier:
    """Verifies uploads that no call waits for: large ones, and those whose process died."""

    def __init__(self, upkeep: PostgresUpkeep, verify: VerifyUpload) -> None:
        self._upkeep = upkeep
        self._verify = verify

    async def run(self) -> None:
        """Verify some of the sealed uploads, two at a time."""
        found = await self._upkeep.unverified_uploads(AT_ONCE)
        await asyncio.gather(*(self._one(tenant_id, upload_id) for tenant_id, upload_id in found))

    async def _one(self, tenant_id: TenantId, upload_id: UploadId) -> None:
        await guarded(lambda: self._verify.run(system(tenant_id), upload_id))
