"""The api's own layers of the interceptor chain: admission before anybody is known, limits once somebody is."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

from locution_common.auth import caller
from locution_common.errors import Reason, Refused
from locution_common.interceptors import Call

from locution_gateway.platform.addresses import ClientAddresses
from locution_gateway.platform.principal import ANONYMOUS, Principal
from locution_gateway.quotas.admission import Admission
from locution_gateway.quotas.known import KnownQuotas
from locution_gateway.quotas.models import Limits
from locution_gateway.quotas.patience import Patience
from locution_gateway.quotas.rates import Rates
from locution_gateway.quotas.streams import Streams

OPEN: Final = ("/grpc.health.", "/grpc.reflection.")
"""What is neither admitted nor counted: probes must be answered when the server is full."""

BYTES_PER_TOKEN: Final = 16 * 1024
ROWS_PER_TOKEN: Final = 100


def extra_tokens(request: Any) -> int:
    """Return what a unary call costs beyond one token, by the bytes of its message and the rows that it asks for."""
    return int(request.ByteSize() // BYTES_PER_TOKEN + max(0, getattr(request, "page_size", 0)) // ROWS_PER_TOKEN)


class AdmissionLayer:
    """Refuse at once what the process has no room for."""

    def __init__(self, admission: Admission) -> None:
        self._admission = admission

    @asynccontextmanager
    async def around(self, call: Call) -> AsyncIterator[None]:
        if call.method.startswith(OPEN):
            yield
            return
        with self._admission.admitted(unary=call.unary):
            yield


class LimitsLayer:
    """Spend the caller's tokens, more for large requests, and count its streams."""

    def __init__(
        self,
        rates: Rates,
        quotas: KnownQuotas,
        streams: Streams,
        admission: Admission,
        patience: Patience,
        addresses: ClientAddresses,
        address_rate: float,
    ) -> None:
        self._rates = rates
        self._quotas = quotas
        self._streams = streams
        self._admission = admission
        self._patience = patience
        self._addresses = addresses
        self._address_rate = address_rate

    @asynccontextmanager
    async def around(self, call: Call) -> AsyncIterator[None]:
        if call.method.startswith(OPEN):
            yield
            return
        principal = caller(Principal)
        if principal is ANONYMOUS:
            address = self._addresses.of(call.context.peer(), call.metadata)
            await self._rates.take(f"peer:{address}", self._address_rate, "address")
            yield
            return
        limits = await self._quotas.limits(principal.tenant_id)
        await self._spend(call, principal, limits)
        if call.unary:
            yield
            return
        async with self._streams.counted(principal, limits.concurrent_streams, call.context.add_done_callback):
            yield

    async def check(self, call: Call, message: Any) -> None:
        """Spend what a large request costs beyond the call. Refuses with RATE_LIMITED."""
        if not call.unary or call.method.startswith(OPEN):
            return
        tokens = extra_tokens(message)
        principal = caller(Principal)
        if tokens > 0 and principal is not ANONYMOUS:
            await self._spend(call, principal, await self._quotas.limits(principal.tenant_id), tokens)

    async def _spend(self, call: Call, principal: Principal, limits: Limits, tokens: int = 1) -> None:
        try:
            await self._rates.spend(principal, limits, tokens)
        except Refused as error:
            if error.reason is Reason.RATE_LIMITED and self._patience.floods(principal.tenant_id):
                with self._admission.aside(unary=call.unary):
                    await self._patience.hold(principal.tenant_id)
            raise
