"""Open what all features need: the database and the object store."""

from __future__ import annotations

from typing import Any

from locution_common import postgres
from locution_common.objects import open_store

from locution_gateway.platform.assembly import Assembly
from locution_gateway.platform.database import TenantDatabase
from locution_gateway.platform.settings import GatewaySettings
from locution_gateway.platform.troubled import TroubledRows


async def open_api(assembly: Assembly[Any]) -> None:
    """Open the pool and the store, and probe both."""
    settings = assembly.settings(GatewaySettings)
    pool = await assembly.enter(
        postgres.open_pool(
            settings.database_url.get_secret_value(),
            application=assembly.context.name,
            size=settings.database_pool_size,
            timeout=settings.database_timeout,
        )
    )
    store = assembly.provide(await assembly.enter(open_store(settings)))
    database = assembly.provide(TenantDatabase(pool))
    assembly.provide(TroubledRows(database))
    assembly.probes |= {"postgres": postgres.probe(pool), "objects": store.probe}
    if settings.environment == "production":
        assembly.probes["row_level_security"] = database.probe
    assembly.translators.append(postgres.translate)


open_worker = open_api
