"""Open quotas and rate limits: two layers of the interceptor chain."""

from __future__ import annotations

from typing import Any

from locution_gateway.platform.assembly import Assembly
from locution_gateway.platform.database import TenantDatabase
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
from locution_gateway.quotas.streams import RENEW_SECONDS, Streams


async def open_api(assembly: Assembly[Any]) -> None:
    """Refuse what the process has no room for, and what a tenant may not use."""
    settings, clock = assembly.settings(QuotaSettings), assembly.clock
    database = assembly.need(TenantDatabase)
    assembly.provide(QuotaGuard(settings.default_limits()))
    known = assembly.provide(KnownQuotas(assembly.provide(PostgresQuotas(database, settings.default_limits())), clock))
    rates = assembly.provide(Rates(PostgresBuckets(database), clock))
    streams, admission = Streams(PostgresStreams(database)), Admission(settings.max_calls, settings.max_streams)
    patience = Patience(clock, settings.max_streams)
    assembly.admission.append(AdmissionLayer(admission))
    assembly.limits.append(LimitsLayer(rates, known, streams, admission, patience, settings.anonymous_calls_per_second))
    assembly.every("streams", RENEW_SECONDS, streams.renew)
