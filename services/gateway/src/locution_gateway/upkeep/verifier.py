"""Verify sealed uploads in the background."""

from __future__ import annotations

from functools import partial
from typing import Final

from locution_gateway.platform.principal import system
from locution_gateway.platform.troubled import TroubledRows, Work
from locution_gateway.upkeep.postgres import PostgresUpkeep
from locution_gateway.uploads.verify import VerifyUpload

AT_ONCE: Final = 2


class Verifier:
    """Verifies uploads that no call waits for: large ones, and those whose process died."""

    def __init__(self, upkeep: PostgresUpkeep, verify: VerifyUpload, troubled: TroubledRows) -> None:
        self._upkeep = upkeep
        self._verify = verify
        self._troubled = troubled

    async def run(self) -> None:
        """Verify some of the sealed uploads, two at a time."""
        found = await self._upkeep.unverified_uploads(AT_ONCE)
        rows = [(tenant, upload, partial(self._verify.run, system(tenant), upload)) for tenant, upload in found]
        await self._troubled.attempt(Work.VERIFY_UPLOAD, rows, AT_ONCE)
