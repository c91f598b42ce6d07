"""Open quotas and rate limits: two layers of the interceptor chain."""

from __future__ import annotations

from typing import Any, Final

from locution_common.errors import Reason

from locution_gateway.platform.assembly import Assembly
from locution_gateway.platform.database import TenantDatabase
from locution_gateway.platform.settings import ApiBaseSettings
from locution_gateway.quotas.admission import Admission
from locution_gateway.quotas.known import KnownQuotas
from locution_gateway.quotas.layers import AdmissionLayer, LimitsLayer
from locution_gateway.quotas.patience import Patience
from locution_gateway.quotas.postgres.buckets import PostgresBuckets
from locution_gateway.quotas.postgres.guard import QuotaGuard
from locution_gateway.quotas.postgres.quotas import PostgresQuotas
from locution_gateway.quotas.postgres.streams import PostgresStreams
from locution_gateway.quotas.rates import Rates
from locution_gateway.quotas.settings import QuotaSettings
from locution_gateway.quotas.slots import REAP_SECONDS, SlotKinds
from locution_gateway.quotas.streams import RENEW_SECONDS, Streams

STRANGERS: Final = 64
"""Streams beyond the maximum that may begin: their tenants are known only after they have begun."""


async def open_api(assembly: Assembly[Any]) -> None:
    """Refuse what the process has no room for, and what a tenant may not use."""
    settings, clock = assembly.settings(QuotaSettings), assembly.clock
    database = assembly.need(TenantDatabase)
    assembly.provide(QuotaGuard(settings.default_limits()))
    known = assembly.provide(KnownQuotas(assembly.provide(PostgresQuotas(database, settings.default_limits())), clock))
    rates = assembly.provide(Rates(PostgresBuckets(database), clock))
    slots = assembly.provide(SlotKinds(known.share, clock, assembly.context.registry))
    streams = Streams(PostgresStreams(database), slots.make("stream", settings.max_streams, Reason.OVERLOADED))
    admission = Admission(settings.max_calls, settings.max_streams + STRANGERS)
    patience = Patience(clock, settings.max_streams)
    assembly.admission.append(AdmissionLayer(admission))
    addresses = assembly.provide(assembly.settings(ApiBaseSettings).client_addresses())
    rate = settings.anonymous_calls_per_second
    assembly.limits.append(LimitsLayer(rates, known, streams, admission, patience, addresses, rate))
    assembly.every("streams", RENEW_SECONDS, streams.renew)
    assembly.every("slots", REAP_SECONDS, slots.reap)
