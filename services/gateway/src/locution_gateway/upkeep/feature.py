"""Open the background work."""

from __future__ import annotations

from typing import Any, Final

from locution_gateway.jobs.postgres.jobs import PostgresJobs
from locution_gateway.platform.assembly import Assembly
from locution_gateway.platform.background import repeat
from locution_gateway.platform.database import TenantDatabase
from locution_gateway.platform.settings import ApiBaseSettings
from locution_gateway.platform.troubled import TroubledMetrics, TroubledRows
from locution_gateway.upkeep.postgres import PostgresUpkeep
from locution_gateway.upkeep.queue import QueueMetrics
from locution_gateway.upkeep.reaper import Reaper
from locution_gateway.upkeep.verifier import Verifier
from locution_gateway.uploads.complete import Unverified
from locution_gateway.uploads.objects import S3Objects
from locution_gateway.uploads.postgres import PostgresUploads
from locution_gateway.uploads.settings import UploadSettings
from locution_gateway.uploads.verify import VerifyUpload

MULTIPART_ROUNDS: Final = 12
"""Rounds of the reaper per check of multipart uploads, which lists them from the object store."""

MEASURE_SECONDS: Final = 15.0


async def open_api(assembly: Assembly[Any]) -> None:
    """Verify sealed uploads, and delete what is due."""
    seconds, stopping = assembly.settings(ApiBaseSettings).reaper_seconds, assembly.context.stopping
    database, troubled = assembly.need(TenantDatabase), assembly.need(TroubledRows)
    upkeep = PostgresUpkeep(database)
    verifier, unverified = Verifier(upkeep, assembly.need(VerifyUpload), troubled), assembly.need(Unverified)
    reaper = Reaper(
        upkeep,
        assembly.need(PostgresUploads),
        assembly.need(PostgresJobs),
        assembly.need(S3Objects),
        assembly.clock,
        assembly.settings(UploadSettings).upload_retention,
        troubled,
    )
    assembly.run("verifier", lambda: repeat(verifier.run, seconds, stopping, unverified))
    assembly.every("reaper", seconds, reaper.run)
    assembly.every("troubled rows", MEASURE_SECONDS, TroubledMetrics(database, assembly.context.registry).measure)
    assembly.every("queue figures", MEASURE_SECONDS, QueueMetrics(database, assembly.context.registry).measure)
    assembly.every("multiparts", seconds * MULTIPART_ROUNDS, reaper.abort_multiparts)
