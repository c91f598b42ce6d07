"""Open identity: authentication and accounts."""

from __future__ import annotations

from typing import Any, Final

import httpx
from locution.v1.account_service_pb2_grpc import add_AccountServiceServicer_to_server
from locution_common import postgres
from pydantic import SecretStr

from locution_gateway.identity.api_keys import ApiKeys
from locution_gateway.identity.attempts import Attempts
from locution_gateway.identity.authenticate import (
    BootstrapAuthenticator,
    CompositeAuthenticator,
    KeyAuthenticator,
    SessionAuthenticator,
)
from locution_gateway.identity.credentials.access import JwtAccessTokens
from locution_gateway.identity.credentials.jwks import JwksCache
from locution_gateway.identity.credentials.oidc import JwksOidcTokens
from locution_gateway.identity.credentials.passwords import open_passwords
from locution_gateway.identity.login import ChangePassword, LogIn, Register
from locution_gateway.identity.postgres.api_keys import PostgresApiKeys
from locution_gateway.identity.postgres.attempts import PostgresAttempts
from locution_gateway.identity.postgres.credentials import PostgresCredentials
from locution_gateway.identity.postgres.sessions import PostgresSessions
from locution_gateway.identity.postgres.tenants import PostgresTenants, ensure_tenant
from locution_gateway.identity.postgres.users import PostgresUsers
from locution_gateway.identity.servicer import Accounts
from locution_gateway.identity.sessions import Sessions
from locution_gateway.identity.settings import IdentitySettings
from locution_gateway.jobs.defaults import Defaults
from locution_gateway.platform.addresses import ClientAddresses
from locution_gateway.platform.assembly import Assembly
from locution_gateway.platform.background import repeat
from locution_gateway.platform.database import TenantDatabase
from locution_gateway.platform.principal import DEFAULT_TENANT, DEFAULT_TENANT_NAME, Credential, Principal, Role
from locution_gateway.platform.reach import Reach
from locution_gateway.platform.settings import GatewaySettings
from locution_gateway.quotas.known import KnownQuotas

CHANNEL: Final = "locution_credentials"
FLUSH_SECONDS: Final = 20.0
FORGET_SECONDS: Final = 60.0
FORGET_ROWS: Final = 1000
FORGET_ATTEMPTS: Final = 20_000
"""More than an attacker adds meanwhile: one row for each guessed name."""

BOOTSTRAP: Final = Principal(
    DEFAULT_TENANT, "bootstrap", Role.OPERATOR, tenant=DEFAULT_TENANT_NAME, credential=Credential.BOOTSTRAP
)


async def open_api(assembly: Assembly[Any]) -> None:
    """Authenticate callers, and serve AccountService."""
    settings, clock = assembly.settings(IdentitySettings), assembly.clock
    database = assembly.need(TenantDatabase)
    if settings.operator_key is not None:
        await ensure_tenant(database, BOOTSTRAP, DEFAULT_TENANT_NAME)
    credentials, users = PostgresCredentials(database), assembly.provide(PostgresUsers(database))
    stored, tenants = assembly.provide(PostgresSessions(database)), assembly.provide(PostgresTenants(database))
    passwords = assembly.provide(await assembly.enter(open_passwords()))
    access = JwtAccessTokens(_secret(settings.session_key), settings.session_issuer, settings.access_lifetime, clock)
    await _authenticate(assembly, credentials, access)
    sessions = Sessions(stored, credentials, access, clock, settings.session_lifetime)
    counted = PostgresAttempts(database)
    attempts = Attempts(counted)
    keys = ApiKeys(PostgresApiKeys(database), assembly.need(KnownQuotas), Reach(tenants), clock)
    accounts = Accounts(
        login=LogIn(credentials, passwords, sessions, attempts),
        sessions=sessions,
        register=Register(credentials, users, tenants, passwords, sessions, settings.open_registration_tenant),
        passwords=ChangePassword(users, stored, passwords, attempts),
        keys=assembly.provide(keys),
        defaults=assembly.need(Defaults),
        addresses=assembly.need(ClientAddresses),
    )
    assembly.serve("locution.v1.AccountService", add_AccountServiceServicer_to_server, accounts)
    assembly.every("identity", FORGET_SECONDS, lambda: credentials.forget(FORGET_ROWS))
    assembly.every("attempts", FORGET_SECONDS, lambda: counted.forget(FORGET_ATTEMPTS))


async def _authenticate(assembly: Assembly[Any], credentials: PostgresCredentials, access: JwtAccessTokens) -> None:
    """Authenticate callers with cached credentials, which database notices invalidate."""
    clock, quotas = assembly.clock, assembly.need(KnownQuotas)
    http = await assembly.enter(httpx.AsyncClient(timeout=5.0, trust_env=False))
    oidc = JwksOidcTokens(credentials, JwksCache(http, clock), clock)
    keys, sessions = KeyAuthenticator(credentials, clock), SessionAuthenticator(credentials, access, clock)
    operator = BootstrapAuthenticator(_secret(assembly.settings(IdentitySettings).operator_key), BOOTSTRAP)
    authenticator = CompositeAuthenticator(operator, keys, sessions, access, oidc)

    def told(notice: str) -> None:
        authenticator.told(notice)
        quotas.told(notice)
        if not notice:
            oidc.forget()

    url = assembly.settings(GatewaySettings).database_url.get_secret_value()
    application = f"{assembly.context.name}-credentials"
    listener = await assembly.enter(postgres.listening(url, [CHANNEL], application=application))
    listener.on(CHANNEL, told)
    assembly.authenticator = authenticator

    async def flushing() -> None:
        await repeat(keys.flush, FLUSH_SECONDS, assembly.context.stopping)
        await keys.flush()

    assembly.run("key-use", flushing)


def _secret(secret: SecretStr | None) -> str | None:
    return None if secret is None else secret.get_secret_value()
