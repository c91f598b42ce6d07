"""The process `worker`: runs the stages of jobs and sends webhooks. A new duty adds one feature to this list."""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import Final

from locution_common.service import Context, Service

from locution_gateway.pipeline import feature as pipeline
from locution_gateway.platform import feature as platform
from locution_gateway.platform.assembly import Assembly
from locution_gateway.settings import WorkerSettings
from locution_gateway.voices import feature as voices
from locution_gateway.webhooks import feature as webhooks

FEATURES: Final = (platform, voices, pipeline, webhooks)
"""In the order in which they open: each finds what earlier ones provide."""


async def start(stack: AsyncExitStack, context: Context[WorkerSettings]) -> Service:
    """Open the features and return what they run."""
    assembly = Assembly(stack, context)
    for feature in FEATURES:
        await feature.open_worker(assembly)
    return assembly.service()
