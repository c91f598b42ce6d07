"""Register the installed development models through the public API."""

from __future__ import annotations

import asyncio

import grpc
from locution_client import ApiError, Client, Connection

from locution_local import qualifications
from locution_local.development import MODELS, Model
from locution_local.errors import StackError
from locution_local.lifecycle import Say
from locution_local.stack import Stack


def register_installed(stack: Stack, say: Say) -> None:
    """Register unregistered models below the models root. Raises StackError if the server refuses one."""
    present = [model for model in MODELS if (stack.wiring.models / model.name).is_dir()]
    if not present:
        say("  no development models are installed; install them with `make models`")
        return
    connection = Connection(stack.wiring.address("gateway"), stack.wiring.development_key)
    try:
        for name in asyncio.run(_register(connection, present)):
            say(f"  {name:<24} registered")
    except ApiError as error:
        raise StackError(f"cannot register the development models: {error}") from error
    try:
        for name in asyncio.run(_judge(connection, stack)):
            say(f"  {name:<24} has its qualification")
    except grpc.aio.AioRpcError as error:
        raise StackError(f"cannot record the qualifications of the development models: {error.details()}") from error


async def _register(connection: Connection, models: list[Model]) -> list[str]:
    async with Client(connection) as client:
        known = {model.name.removeprefix("models/") for model in await client.models.all()}
        fresh = [model for model in models if model.name not in known]
        for model in fresh:
            await client.models.register(model.name, make_default=model.default)
        return [model.name for model in fresh]


async def _judge(connection: Connection, stack: Stack) -> list[str]:
    async with Client(connection) as client:
        found = qualifications.wanting(qualifications.read(), await client.models.all())
    token = stack.wiring.service_token.read_text(encoding="utf-8").strip()
    await qualifications.record(stack.wiring.address("registry"), token, found)
    return [qualification.model for qualification in found]
