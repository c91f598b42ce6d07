"""Make the installed development weights known to the registry, through the public API like anybody else."""

from __future__ import annotations

import asyncio

from locution_client import ApiError, Client, Connection

from locution_local.development import WEIGHTS, Weight
from locution_local.errors import StackError
from locution_local.lifecycle import Say
from locution_local.stack import Stack


def register_installed(stack: Stack, say: Say) -> None:
    """Register what lies below the models root and is not registered; raise StackError where it is refused."""
    present = [weight for weight in WEIGHTS if (stack.wiring.models / weight.name).is_dir()]
    if not present:
        say("  no development weights are installed (`make models` installs them)")
        return
    connection = Connection(stack.wiring.address("gateway"), stack.wiring.development_key)
    try:
        for name in asyncio.run(_register(connection, present)):
            say(f"  {name:<24} registered")
    except ApiError as error:
        raise StackError(f"the development weights could not be registered: {error}") from error


async def _register(connection: Connection, weights: list[Weight]) -> list[str]:
    async with Client(connection) as client:
        known = {model.name.removeprefix("models/") for model in await client.models.all()}
        fresh = [weight for weight in weights if weight.name not in known]
        for weight in fresh:
            await client.models.register(weight.name, make_default=weight.default)
        return [weight.name for weight in fresh]
