"""Identity and limits of the process `api`: their adapters, opened and wired."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any, Final

import grpc
import httpx
from locution.v1 import account_service_pb2_grpc, administration_service_pb2_grpc
from locution_common import postgres, telemetry
from locution_common.service import Context

from locution_gateway.administration.invitations import ManageInvitations
from locution_gateway.administration.issuers import ManageIssuers
from locution_gateway.administration.servicer import Administration
from locution_gateway.administration.tenants import ManageTenants
from locution_gateway.administration.users import ManageUsers
from locution_gateway.identity.api_keys import ApiKeys
from locution_gateway.identity.authenticate import (
    BootstrapAuthenticator,
    CompositeAuthenticator,
    KeyAuthenticator,
    SessionAuthenticator,
)
from locution_gateway.identity.credentials.access import JwtAccessTokens
from locution_gateway.identity.credentials.jwks import JwksCache
from locution_gateway.identity.credentials.oidc import JwksOidcTokens
from locution_gateway.identity.credentials.passwords import ArgonPasswords, open_passwords
from locution_gateway.identity.login import Attempts, ChangePassword, LogIn, Register
from locution_gateway.identity.postgres.api_keys import PostgresApiKeys
from locution_gateway.identity.postgres.credentials import PostgresCredentials
from locution_gateway.identity.postgres.invitations import PostgresInvitations
from locution_gateway.identity.postgres.issuers import PostgresIssuers
from locution_gateway.identity.postgres.sessions import PostgresSessions
from locution_gateway.identity.postgres.tenants import PostgresTenants
from locution_gateway.identity.postgres.users import PostgresUsers
from locution_gateway.identity.servicer import Accounts
from locution_gateway.identity.sessions import Sessions
from locution_gateway.jobs.defaults import Defaults
from locution_gateway.jobs.postgres.defaults import PostgresDefaults
from locution_gateway.platform.background import repeat
from locution_gateway.platform.database import TenantDatabase
from locution_gateway.platform.principal import DEFAULT_TENANT, DEFAULT_TENANT_NAME, Credential, Principal, Role
from locution_gateway.platform.reach import Reach
from locution_gateway.quotas.admission import Admission
from locution_gateway.quotas.known import KnownQuotas
from locution_gateway.quotas.layers import AdmissionLayer, LimitsLayer
from locution_gateway.quotas.manage import ManageQuotas, ReadUsage
from locution_gateway.quotas.models import Limits
from locution_gateway.quotas.patience import Patience
from locution_gateway.quotas.postgres.buckets import PostgresBuckets
from locution_gateway.quotas.postgres.quotas import PostgresQuotas
from locution_gateway.quotas.postgres.streams import PostgresStreams
from locution_gateway.quotas.rates import Rates
from locution_gateway.quotas.streams import RENEW_SECONDS, Streams
from locution_gateway.settings import ApiSettings

CHANNEL: Final = "locution_credentials"
NAMES: Final = ("locution.v1.AccountService", "locution.v1.AdministrationService")
FLUSH_SECONDS: Final = 20.0
FORGET_SECONDS: Final = 60.0
FORGET_ROWS: Final = 1000

BOOTSTRAP: Final = Principal(
    DEFAULT_TENANT, "bootstrap", Role.OPERATOR, tenant=DEFAULT_TENANT_NAME, credential=Credential.BOOTSTRAP
)


@dataclass(frozen=True, slots=True)
class Stores:
    """The stores of identity and limits."""

    credentials: PostgresCredentials
    sessions: PostgresSessions
    tenants: PostgresTenants
    users: PostgresUsers
    invitations: PostgresInvitations
    keys: PostgresApiKeys
    issuers: PostgresIssuers
    quotas: PostgresQuotas
    defaults: PostgresDefaults


@dataclass(frozen=True, slots=True)
class Identity:
    """What the api serves with."""

    authenticator: CompositeAuthenticator
    servicers: list[Callable[[grpc.aio.Server], object]]
    tasks: dict[str, Callable[[], Coroutine[Any, Any, None]]]
    admission: AdmissionLayer
    limits: LimitsLayer
    defaults: Defaults
    quotas: PostgresQuotas


@dataclass(frozen=True, slots=True)
class _Known:
    """What is remembered and must be told of changes."""

    keys: KeyAuthenticator
    sessions: SessionAuthenticator
    oidc: JwksOidcTokens
    quotas: KnownQuotas
    rates: Rates
    streams: Streams


async def open_identity(
    stack: AsyncExitStack, context: Context[ApiSettings], database: TenantDatabase, limits: Limits
) -> Identity:
    """Open what identity needs besides the database, and wire it."""
    settings, clock = context.settings, context.clock
    stores = _stores(database, limits)
    session_key = None if settings.session_key is None else settings.session_key.get_secret_value()
    access = JwtAccessTokens(session_key, settings.session_issuer, settings.access_lifetime, clock)
    passwords = await stack.enter_async_context(open_passwords())
    http = await stack.enter_async_context(httpx.AsyncClient(timeout=5.0, trust_env=False))
    oidc = JwksOidcTokens(stores.credentials, JwksCache(http, clock), clock)
    known = _Known(
        KeyAuthenticator(stores.credentials, clock),
        SessionAuthenticator(stores.credentials, access, clock),
        oidc,
        KnownQuotas(stores.quotas, clock),
        Rates(PostgresBuckets(database), clock),
        Streams(PostgresStreams(database)),
    )
    operator = None if settings.operator_key is None else settings.operator_key.get_secret_value()
    authenticator = CompositeAuthenticator(
        BootstrapAuthenticator(operator, BOOTSTRAP), known.keys, known.sessions, access, oidc
    )
    await _listen(stack, context, authenticator, known)
    sessions = Sessions(stores.sessions, stores.credentials, access, clock, settings.session_lifetime)
    reach = Reach(stores.tenants)
    defaults = Defaults(stores.defaults, reach)
    keys = ApiKeys(stores.keys, known.quotas, reach, clock)
    admission = Admission(settings.max_calls, settings.max_streams)
    return Identity(
        authenticator,
        [
            _adder(
                account_service_pb2_grpc.add_AccountServiceServicer_to_server,
                _accounts(settings, stores, passwords, sessions, known.rates, keys, defaults),
            ),
            _adder(
                administration_service_pb2_grpc.add_AdministrationServiceServicer_to_server,
                _administration(context, stores, passwords, reach, keys, defaults),
            ),
        ],
        _tasks(context, stores, known),
        AdmissionLayer(admission),
        LimitsLayer(
            known.rates,
            known.quotas,
            known.streams,
            admission,
            Patience(clock, settings.max_streams),
            settings.anonymous_calls_per_second,
        ),
        defaults,
        stores.quotas,
    )


def _stores(database: TenantDatabase, limits: Limits) -> Stores:
    return Stores(
        PostgresCredentials(database),
        PostgresSessions(database),
        PostgresTenants(database),
        PostgresUsers(database),
        PostgresInvitations(database),
        PostgresApiKeys(database),
        PostgresIssuers(database),
        PostgresQuotas(database, limits),
        PostgresDefaults(database),
    )


async def _listen(
    stack: AsyncExitStack, context: Context[ApiSettings], authenticator: CompositeAuthenticator, known: _Known
) -> None:
    url = context.settings.database_url.get_secret_value()
    listener = await stack.enter_async_context(
        postgres.listening(url, [CHANNEL], application=f"{context.name}-credentials")
    )

    def told(notice: str) -> None:
        authenticator.told(notice)
        known.quotas.told(notice)
        if not notice:
            known.oidc.forget()

    listener.on(CHANNEL, told)


def _adder(add: Callable[[Any, grpc.aio.Server], None], servicer: object) -> Callable[[grpc.aio.Server], object]:
    return lambda server: add(servicer, server)


def _accounts(
    settings: ApiSettings,
    stores: Stores,
    passwords: ArgonPasswords,
    sessions: Sessions,
    rates: Rates,
    keys: ApiKeys,
    defaults: Defaults,
) -> Accounts:
    attempts = Attempts(rates)
    return Accounts(
        login=LogIn(stores.credentials, passwords, sessions, attempts),
        sessions=sessions,
        register=Register(
            stores.credentials,
            stores.users,
            stores.tenants,
            passwords,
            sessions,
            settings.open_registration_tenant,
        ),
        passwords=ChangePassword(stores.users, stores.sessions, passwords, attempts),
        keys=keys,
        defaults=defaults,
    )


def _administration(
    context: Context[ApiSettings],
    stores: Stores,
    passwords: ArgonPasswords,
    reach: Reach,
    keys: ApiKeys,
    defaults: Defaults,
) -> Administration:
    return Administration(
        tenants=ManageTenants(stores.tenants, reach, context.clock),
        users=ManageUsers(stores.users, stores.sessions, passwords, reach),
        invitations=ManageInvitations(stores.invitations, reach, context.clock),
        keys=keys,
        issuers=ManageIssuers(stores.issuers, reach),
        quotas=ManageQuotas(stores.quotas, reach),
        usage=ReadUsage(stores.quotas, reach),
        defaults=defaults,
    )


def _tasks(
    context: Context[ApiSettings], stores: Stores, known: _Known
) -> dict[str, Callable[[], Coroutine[Any, Any, None]]]:
    async def flushing() -> None:
        with telemetry.suppressed():
            await repeat(known.keys.flush, FLUSH_SECONDS, context.stopping)
            await known.keys.flush()

    async def renewing() -> None:
        with telemetry.suppressed():
            await repeat(known.streams.renew, RENEW_SECONDS, context.stopping)

    async def forgetting() -> None:
        with telemetry.suppressed():
            await repeat(lambda: stores.credentials.forget(FORGET_ROWS), FORGET_SECONDS, context.stopping)

    return {"key-use": flushing, "streams": renewing, "identity": forgetting}
