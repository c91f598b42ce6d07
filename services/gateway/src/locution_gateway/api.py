"""The process `api`: serves the public API. A new capability adds one feature to this list."""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import Final

from locution_common.service import Context, Service

from locution_gateway.administration import feature as administration
from locution_gateway.identity import feature as identity
from locution_gateway.jobs import feature as jobs
from locution_gateway.live import feature as live
from locution_gateway.models import feature as models
from locution_gateway.platform import feature as platform
from locution_gateway.platform.assembly import Assembly
from locution_gateway.quotas import feature as quotas
from locution_gateway.settings import ApiSettings
from locution_gateway.system import feature as system
from locution_gateway.transcripts import feature as transcripts
from locution_gateway.upkeep import feature as upkeep
from locution_gateway.uploads import feature as uploads
from locution_gateway.voices import feature as voices
from locution_gateway.webhooks import feature as webhooks

FEATURES: Final = (
    platform,
    quotas,
    models,
    voices,
    jobs,
    uploads,
    transcripts,
    identity,
    administration,
    webhooks,
    live,
    upkeep,
    system,
)
"""In the order in which they open: each finds what earlier ones provide."""


async def start(stack: AsyncExitStack, context: Context[ApiSettings]) -> Service:
    """Open the features and return what they serve."""
    assembly = Assembly(stack, context)
    for feature in FEATURES:
        await feature.open_api(assembly)
    return assembly.service()
