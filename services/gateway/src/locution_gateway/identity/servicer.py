"""AccountService."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from google.protobuf.empty_pb2 import Empty
from locution.v1 import account_service_pb2 as pb
from locution.v1.account_service_pb2_grpc import AccountServiceServicer
from locution.v1.identity_pb2 import ApiKey, IssuedApiKey
from locution_common.auth import caller

from locution_gateway.identity import convert
from locution_gateway.identity.api_keys import ApiKeys
from locution_gateway.identity.convert import rotation
from locution_gateway.identity.login import ChangePassword, LogIn, Register, Registration
from locution_gateway.identity.sessions import Sessions
from locution_gateway.jobs.config import StoredDefaults
from locution_gateway.jobs.defaults import Defaults
from locution_gateway.platform.addresses import ClientAddresses
from locution_gateway.platform.convert import request_key, timestamp
from locution_gateway.platform.each import each
from locution_gateway.platform.etags import etag, version
from locution_gateway.platform.principal import Principal
from locution_gateway.platform.servicer import Context


@dataclass(frozen=True, slots=True)
class Accounts(AccountServiceServicer):
    """The caller's own account."""

    login: LogIn
    sessions: Sessions
    register: Register
    passwords: ChangePassword
    keys: ApiKeys
    defaults: Defaults
    addresses: ClientAddresses

    async def Login(self, request: pb.LoginRequest, context: Context) -> pb.Session:
        address = self._address(context)
        return convert.session_to_proto(await self.login.run(request.tenant, request.email, request.password, address))

    async def RefreshSession(self, request: pb.RefreshSessionRequest, context: Context) -> pb.Session:
        return convert.session_to_proto(await self.sessions.refresh(request.refresh_token))

    async def Logout(self, request: pb.LogoutRequest, context: Context) -> Empty:
        await self.sessions.end(caller(Principal), everywhere=request.everywhere)
        return Empty()

    async def Register(self, request: pb.RegisterRequest, context: Context) -> pb.Session:
        asked = Registration(request.invitation, request.email, request.password, request.display_name)
        return convert.session_to_proto(await self.register.run(asked))

    async def ChangePassword(self, request: pb.ChangePasswordRequest, context: Context) -> Empty:
        address = self._address(context)
        await self.passwords.run(caller(Principal), request.old_password, request.new_password, address)
        return Empty()

    async def GetCaller(self, request: pb.GetCallerRequest, context: Context) -> pb.Caller:
        return convert.caller_to_proto(caller(Principal))

    async def GetPreferences(self, request: pb.GetPreferencesRequest, context: Context) -> pb.Preferences:
        return _preferences(await self.defaults.own(caller(Principal)))

    async def UpdatePreferences(self, request: pb.UpdatePreferencesRequest, context: Context) -> pb.Preferences:
        wanted = request.preferences
        values = convert.defaults_from_proto(wanted.job_defaults)
        mask, current = list(request.update_mask.paths), version(wanted.etag)
        return _preferences(await self.defaults.update_own(caller(Principal), current, mask, values))

    async def CreateApiKey(self, request: pb.CreateApiKeyRequest, context: Context) -> IssuedApiKey:
        principal, draft = caller(Principal), convert.key_draft(request.api_key)
        issued = await self.keys.create_own(principal, draft, request_key("CreateApiKey", request))
        return convert.issued_to_proto(principal.tenant, issued)

    async def ListApiKeys(self, request: pb.ListApiKeysRequest, context: Context) -> pb.ListApiKeysResponse:
        principal = caller(Principal)
        keys, token = await self.keys.list_own(principal, request.page_size, request.page_token)
        shown = await each(partial(convert.key_to_proto, principal.tenant), keys)
        return pb.ListApiKeysResponse(api_keys=shown, next_page_token=token)

    async def RotateApiKey(self, request: pb.RotateApiKeyRequest, context: Context) -> IssuedApiKey:
        tenant = convert.tenant_of(request.name)
        return convert.issued_to_proto(tenant, await self.keys.rotate_own(caller(Principal), tenant, rotation(request)))

    async def RevokeApiKey(self, request: pb.RevokeApiKeyRequest, context: Context) -> ApiKey:
        tenant, key_id = convert.tenant_of(request.name), convert.last_of(request.name)
        return convert.key_to_proto(tenant, await self.keys.revoke_own(caller(Principal), tenant, key_id))

    def _address(self, context: Context) -> str:
        return self.addresses.of(context.peer(), tuple(context.invocation_metadata() or ()))


def _preferences(stored: StoredDefaults) -> pb.Preferences:
    return pb.Preferences(
        job_defaults=convert.defaults_to_proto(stored),
        update_time=None if stored.update_time is None else timestamp(stored.update_time),
        etag=etag(stored.version),
    )
