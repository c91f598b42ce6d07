"""The api's own layers of the interceptor chain: admission before anybody is known, limits once somebody is."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from locution_common.auth import caller
from locution_common.errors import Reason, Refused
from locution_common.interceptors import Call

from locution_gateway.platform.principal import ANONYMOUS, Principal
from locution_gateway.quotas.admission import Admission
from locution_gateway.quotas.known import KnownQuotas
from locution_gateway.quotas.models import Limits
from locution_gateway.quotas.patience import Patience
from locution_gateway.quotas.rates import Rates
from locution_gateway.quotas.streams import Streams

OPEN: Final = ("/grpc.health.", "/grpc.reflection.")
"""What is neither admitted nor counted: probes must be answered when the server is full."""


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
    """Spend the caller's tokens, and count its streams."""

    def __init__(
        self,
        rates: Rates,
        quotas: KnownQuotas,
        streams: Streams,
        admission: Admission,
        patience: Patience,
        peer_rate: float,
    ) -> None:
        self._rates = rates
        self._quotas = quotas
        self._streams = streams
        self._admission = admission
        self._patience = patience
        self._peer_rate = peer_rate

    @asynccontextmanager
    async def around(self, call: Call) -> AsyncIterator[None]:
        if call.method.startswith(OPEN):
            yield
            return
        principal = caller(Principal)
        if principal is ANONYMOUS:
            await self._rates.take(f"peer:{peer_host(call.context.peer())}", self._peer_rate, "address")
            yield
            return
        limits = await self._quotas.limits(principal.tenant_id)
        await self._spend(call, principal, limits)
        if call.unary:
            yield
            return
        async with self._streams.counted(principal, limits.concurrent_streams):
            yield

    async def _spend(self, call: Call, principal: Principal, limits: Limits) -> None:
        try:
            await self._rates.spend(principal, limits)
        except Refused as error:
            if error.reason is Reason.RATE_LIMITED and self._patience.floods(principal.tenant_id):
                with self._admission.aside(unary=call.unary):
                    await self._patience.hold(principal.tenant_id)
            raise


def peer_host(peer: str) -> str:
    """Return the address in gRPC's name of a peer, without its port: "ipv4:192.0.2.1:4711" is "192.0.2.1"."""
    return peer.partition(":")[2].rpartition(":")[0]
