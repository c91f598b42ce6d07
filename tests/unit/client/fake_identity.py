"""The fake gateway with accounts and administration: sessions that come and go, keys, users, tenants, quotas, settings."""

from __future__ import annotations

import time
from typing import Any

import grpc
from google.protobuf.empty_pb2 import Empty
from google.protobuf.timestamp_pb2 import Timestamp
from locution.v1 import account_service_pb2 as accounts
from locution.v1 import administration_service_pb2 as administration
from locution.v1 import identity_pb2 as identity
from locution.v1.account_service_pb2_grpc import AccountServiceServicer, add_AccountServiceServicer_to_server
from locution.v1.administration_service_pb2_grpc import (
    AdministrationServiceServicer,
    add_AdministrationServiceServicer_to_server,
)

from tests.unit.client.fake_gateway import KEY, Context, _abort, refusal

TENANT = "tenants/acme"
USER = f"{TENANT}/users/ann"
PASSWORD = "correct horse battery"
INVITATION = "loi_invited"
UNKNOWN = refusal(grpc.StatusCode.UNAUTHENTICATED, "UNAUTHENTICATED", "the credential is not known")


class FakeIdentity(AccountServiceServicer, AdministrationServiceServicer):
    """One user of one tenant; access tokens last as long as the test says."""

    def __init__(self) -> None:
        self.lifetime = 900.0
        self.narrow = False
        self.access: set[str] = set()
        self.refresh: set[str] = set()
        self.made = 0
        self.calls: list[tuple[str, Any]] = []
        self.keys: dict[str, identity.ApiKey] = {}
        self.defaults: dict[str, identity.JobDefaults] = {}
        self.limits = identity.QuotaLimits()
        self.tenants: dict[str, administration.Tenant] = {}

    async def guard(self, request: Any, context: Context) -> str:
        """Note the call and demand a credential that is good now."""
        credential = dict(context.invocation_metadata() or ()).get("authorization", "")
        token = str(credential).removeprefix("Bearer ")
        self.calls.append((token, request))
        if token not in {KEY, *self.access}:
            await _abort(context, UNKNOWN)
        return token

    def _session(self) -> accounts.Session:
        self.made += 1
        self.access.add(f"access-{self.made}")
        self.refresh.add(f"refresh-{self.made}")
        now = time.time()
        return accounts.Session(
            access_token=f"access-{self.made}",
            access_expire_time=Timestamp(seconds=int(now + self.lifetime)),
            refresh_token=f"refresh-{self.made}",
            refresh_expire_time=Timestamp(seconds=int(now + 86_400)),
            user=USER,
        )

    async def Login(self, request: Any, context: Context) -> accounts.Session:
        self.calls.append(("", request))
        assert "authorization" not in dict(context.invocation_metadata() or ())
        if (request.tenant, request.email, request.password) != ("acme", "ann@acme.example", PASSWORD):
            await _abort(context, UNKNOWN)
        return self._session()

    async def Register(self, request: Any, context: Context) -> accounts.Session:
        self.calls.append(("", request))
        if request.invitation != INVITATION:
            await _abort(context, refusal(grpc.StatusCode.FAILED_PRECONDITION, "INVITATION_INVALID", "it is no good"))
        return self._session()

    async def RefreshSession(self, request: Any, context: Context) -> accounts.Session:
        self.calls.append(("", request))
        if request.refresh_token not in self.refresh:
            await _abort(context, UNKNOWN)
        self.refresh.remove(request.refresh_token)
        return self._session()

    async def Logout(self, request: Any, context: Context) -> Empty:
        self.access.discard(await self.guard(request, context))
        return Empty()

    async def GetCaller(self, request: Any, context: Context) -> accounts.Caller:
        token = await self.guard(request, context)
        kind = accounts.Caller.CREDENTIAL_API_KEY if token == KEY else accounts.Caller.CREDENTIAL_SESSION
        return accounts.Caller(subject="user:ann", tenant=TENANT, role=identity.ROLE_ADMIN, credential=kind)

    async def CreateApiKey(self, request: Any, context: Context) -> identity.IssuedApiKey:
        await self.guard(request, context)
        return self._issue(request.api_key)

    async def CreateTenantApiKey(self, request: Any, context: Context) -> identity.IssuedApiKey:
        await self.guard(request, context)
        return self._issue(request.api_key)

    def _issue(self, wanted: identity.ApiKey) -> identity.IssuedApiKey:
        key = identity.ApiKey(
            name=f"{TENANT}/apiKeys/{'a' * 15}{len(self.keys) + 2}", state=identity.ApiKey.STATE_ACTIVE
        )
        key.MergeFrom(wanted)
        self.keys[key.name] = key
        return identity.IssuedApiKey(api_key=key, secret="loc_shown-once")

    async def ListApiKeys(self, request: Any, context: Context) -> accounts.ListApiKeysResponse:
        await self.guard(request, context)
        names = sorted(self.keys)
        start = int(request.page_token or 0)
        more = str(start + 1) if start + 1 < len(names) else ""
        page = [self.keys[name] for name in names[start : start + 1]]
        return accounts.ListApiKeysResponse(api_keys=page, next_page_token=more)

    async def RotateApiKey(self, request: Any, context: Context) -> identity.IssuedApiKey:
        await self.guard(request, context)
        return self._issue(identity.ApiKey(rotated_from=request.name))

    async def RevokeApiKey(self, request: Any, context: Context) -> identity.ApiKey:
        await self.guard(request, context)
        self.keys[request.name].state = identity.ApiKey.STATE_REVOKED
        return self.keys[request.name]

    async def CreateInvitation(self, request: Any, context: Context) -> administration.IssuedInvitation:
        await self.guard(request, context)
        made = administration.Invitation(name=f"{request.parent}/invitations/i1")
        made.MergeFrom(request.invitation)
        return administration.IssuedInvitation(invitation=made, token=INVITATION)

    async def ListUsers(self, request: Any, context: Context) -> administration.ListUsersResponse:
        await self.guard(request, context)
        user = administration.User(name=USER, email="ann@acme.example", role=identity.ROLE_ADMIN)
        return administration.ListUsersResponse(users=[user])

    async def UpdateUser(self, request: Any, context: Context) -> administration.User:
        await self.guard(request, context)
        user: administration.User = request.user
        return user

    async def ResetPassword(self, request: Any, context: Context) -> Empty:
        await self.guard(request, context)
        return Empty()

    async def CreateTenant(self, request: Any, context: Context) -> administration.Tenant:
        await self.guard(request, context)
        made = administration.Tenant(name=f"tenants/{request.tenant_id}", state=administration.Tenant.STATE_ACTIVE)
        made.MergeFrom(request.tenant)
        self.tenants[made.name] = made
        return made

    async def ListTenants(self, request: Any, context: Context) -> administration.ListTenantsResponse:
        await self.guard(request, context)
        return administration.ListTenantsResponse(tenants=self.tenants.values())

    async def GetQuotas(self, request: Any, context: Context) -> administration.Quotas:
        await self.guard(request, context)
        return administration.Quotas(name=request.name, limits=self.limits, effective=self.limits)

    async def UpdateQuotas(self, request: Any, context: Context) -> administration.Quotas:
        await self.guard(request, context)
        self.limits.MergeFrom(request.quotas.limits)
        return administration.Quotas(name=request.quotas.name, limits=self.limits, effective=self.limits)

    async def GetUsage(self, request: Any, context: Context) -> administration.GetUsageResponse:
        await self.guard(request, context)
        row = administration.UsageRow(date="2026-11-01", subject="key:abc", job_count=3, uploaded_bytes=2_000_000)
        row.audio_duration.FromSeconds(90)
        total = administration.UsageRow(job_count=3, uploaded_bytes=2_000_000, audio_duration=row.audio_duration)
        return administration.GetUsageResponse(rows=[row], total=total)

    async def GetPreferences(self, request: Any, context: Context) -> accounts.Preferences:
        await self.guard(request, context)
        return accounts.Preferences(job_defaults=self.defaults.get("mine"))

    async def UpdatePreferences(self, request: Any, context: Context) -> accounts.Preferences:
        await self.guard(request, context)
        self.defaults["mine"] = request.preferences.job_defaults
        return accounts.Preferences(job_defaults=self.defaults["mine"])

    async def GetTenantSettings(self, request: Any, context: Context) -> administration.TenantSettings:
        await self.guard(request, context)
        if self.narrow:
            await _abort(context, refusal(grpc.StatusCode.PERMISSION_DENIED, "SCOPE_TOO_NARROW", "not with this key"))
        return administration.TenantSettings(name=request.name, job_defaults=self.defaults.get(request.name))

    async def UpdateTenantSettings(self, request: Any, context: Context) -> administration.TenantSettings:
        await self.guard(request, context)
        settings: administration.TenantSettings = request.settings
        return settings

    async def _unused(self, request: Any, context: Context) -> Any:
        await context.abort(grpc.StatusCode.UNIMPLEMENTED, "the client's tests have no need of this")

    ChangePassword = GetTenant = UpdateTenant = GetUser = DeleteUser = _unused
    ListInvitations = DeleteInvitation = ListTenantApiKeys = RotateTenantApiKey = RevokeTenantApiKey = _unused
    CreateIssuer = ListIssuers = DeleteIssuer = _unused


def add_to(server: grpc.aio.Server, gateway: FakeIdentity) -> None:
    """Serve both services."""
    add_AccountServiceServicer_to_server(gateway, server)
    add_AdministrationServiceServicer_to_server(gateway, server)


async def serve(gateway: FakeIdentity) -> tuple[grpc.aio.Server, str]:
    """Serve on a free port of loopback."""
    server = grpc.aio.server(options=(("grpc.so_reuseport", 0),))
    add_to(server, gateway)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    return server, f"127.0.0.1:{port}"
