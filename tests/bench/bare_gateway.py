"""The api without identity and limits, for the bench alone: every caller is one operator."""

from __future__ import annotations

from contextlib import AsyncExitStack
from dataclasses import replace

from locution_common import service, settings
from locution_common.auth import Metadata
from locution_common.service import Context, Service
from locution_gateway import api as app_api
from locution_gateway.identity.feature import BOOTSTRAP
from locution_gateway.platform.principal import Principal
from locution_gateway.settings import ApiSettings


class Anybody:
    """Takes every caller for the operator."""

    async def authenticate(self, method: str, metadata: Metadata) -> Principal:
        return BOOTSTRAP

    async def confirm(self, method: str, metadata: Metadata, principal: object) -> None: ...


async def start(stack: AsyncExitStack, context: Context[ApiSettings]) -> Service:
    served = await app_api.start(stack, context)
    return replace(served, authenticator=Anybody(), admission=(), limits=())


if __name__ == "__main__":
    service.main(settings.load(ApiSettings), start, name="bare-gateway")
