"""Use Postgres and S3 inside a trace, outside any, and while suppressed."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from locution_common import objects, telemetry
from locution_common.postgres import open_pool
from locution_common.settings import ObjectStoreSettings


async def main(traces: Path, database: str, endpoint: str, access: str, secret: str, bucket: str) -> None:
    provider = telemetry.setup("clients", traces)
    settings = ObjectStoreSettings.model_validate(
        {
            "s3_endpoint": endpoint,
            "s3_access_key": access,
            "s3_secret_key": secret,
            "s3_bucket": bucket,
            "s3_secure": False,
        }
    )
    async with open_pool(database) as pool, objects.open_store(settings) as store:
        await pool.fetchval("SELECT 'outside'")
        await store.put("outside", b"x")
        with telemetry.tracer.start_as_current_span("job"):
            await pool.fetchval("SELECT 'inside'")
            await store.put("inside", b"x")
            with telemetry.suppressed():
                await pool.fetchval("SELECT 'suppressed'")
    provider.shutdown()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), *sys.argv[2:]))
