"""AdministrationService."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from google.protobuf.empty_pb2 import Empty
from locution.v1 import administration_service_pb2 as pb
from locution.v1.administration_service_pb2_grpc import AdministrationServiceServicer
from locution.v1.identity_pb2 import ApiKey, IssuedApiKey
from locution_common.auth import caller
from locution_common.errors import Reason

from locution_gateway.administration import convert
from locution_gateway.administration.invitations import ManageInvitations
from locution_gateway.administration.issuers import ManageIssuers
from locution_gateway.administration.tenants import ManageTenants
from locution_gateway.administration.users import ManageUsers
from locution_gateway.identity import convert as names
from locution_gateway.identity.api_keys import ApiKeys
from locution_gateway.identity.convert import rotation
from locution_gateway.jobs.defaults import Defaults
from locution_gateway.platform.convert import refuse_others, request_key
from locution_gateway.platform.each import each
from locution_gateway.platform.etags import version
from locution_gateway.platform.principal import Principal, UserId
from locution_gateway.platform.servicer import Context
from locution_gateway.quotas.manage import ManageQuotas, ReadUsage


@dataclass(frozen=True, slots=True)
class Administration(AdministrationServiceServicer):
    """Manages tenants."""

    tenants: ManageTenants
    users: ManageUsers
    invitations: ManageInvitations
    keys: ApiKeys
    issuers: ManageIssuers
    quotas: ManageQuotas
    usage: ReadUsage
    defaults: Defaults

    async def CreateTenant(self, request: pb.CreateTenantRequest, context: Context) -> pb.Tenant:
        wanted = request.tenant
        refuse_others(wanted, "tenant", ("display_name", "share"))
        tenant = await self.tenants.create(
            caller(Principal),
            request.tenant_id,
            wanted.display_name,
            wanted.share,
            validate_only=request.validate_only,
        )
        return convert.tenant_to_proto(tenant)

    async def GetTenant(self, request: pb.GetTenantRequest, context: Context) -> pb.Tenant:
        return convert.tenant_to_proto(await self.tenants.get(caller(Principal), names.tenant_of(request.name)))

    async def ListTenants(self, request: pb.ListTenantsRequest, context: Context) -> pb.ListTenantsResponse:
        found, token = await self.tenants.list(caller(Principal), request.page_size, request.page_token)
        return pb.ListTenantsResponse(tenants=await each(convert.tenant_to_proto, found), next_page_token=token)

    async def UpdateTenant(self, request: pb.UpdateTenantRequest, context: Context) -> pb.Tenant:
        wanted, mask = request.tenant, request.update_mask.paths
        name, current = names.tenant_of(wanted.name, ""), version(wanted.etag)
        values = convert.tenant_change(wanted)
        return convert.tenant_to_proto(await self.tenants.update(caller(Principal), name, current, mask, values))

    async def GetTenantSettings(self, request: pb.GetTenantSettingsRequest, context: Context) -> pb.TenantSettings:
        tenant = names.tenant_of(request.name)
        return convert.settings_to_proto(tenant, await self.defaults.of_tenant(caller(Principal), tenant))

    async def UpdateTenantSettings(
        self, request: pb.UpdateTenantSettingsRequest, context: Context
    ) -> pb.TenantSettings:
        wanted, mask = request.settings, list(request.update_mask.paths)
        tenant, current = names.tenant_of(wanted.name, "settings"), version(wanted.etag)
        values = convert.settings_from_proto(wanted)
        stored = await self.defaults.update_tenant(caller(Principal), tenant, current, mask, values)
        return convert.settings_to_proto(tenant, stored)

    async def GetUser(self, request: pb.GetUserRequest, context: Context) -> pb.User:
        tenant, user_id = _user(request.name)
        return convert.user_to_proto(tenant, await self.users.get(caller(Principal), tenant, user_id))

    async def ListUsers(self, request: pb.ListUsersRequest, context: Context) -> pb.ListUsersResponse:
        tenant = names.tenant_of(request.parent)
        users, token = await self.users.list(caller(Principal), tenant, request.page_size, request.page_token)
        shown = await each(partial(convert.user_to_proto, tenant), users)
        return pb.ListUsersResponse(users=shown, next_page_token=token)

    async def UpdateUser(self, request: pb.UpdateUserRequest, context: Context) -> pb.User:
        wanted, mask = request.user, request.update_mask.paths
        tenant, user_id = _user(wanted.name)
        current, values = version(wanted.etag), convert.user_change(wanted)
        user = await self.users.update(caller(Principal), tenant, user_id, current, mask, values)
        return convert.user_to_proto(tenant, user)

    async def ResetPassword(self, request: pb.ResetPasswordRequest, context: Context) -> Empty:
        tenant, user_id = _user(request.name)
        await self.users.reset_password(caller(Principal), tenant, user_id, request.new_password)
        return Empty()

    async def DeleteUser(self, request: pb.DeleteUserRequest, context: Context) -> Empty:
        tenant, user_id = _user(request.name)
        await self.users.delete(caller(Principal), tenant, user_id, version(request.etag))
        return Empty()

    async def CreateInvitation(self, request: pb.CreateInvitationRequest, context: Context) -> pb.IssuedInvitation:
        wanted, tenant = request.invitation, names.tenant_of(request.parent)
        refuse_others(wanted, "invitation", ("email", "role"))
        role = names.role_from_proto(wanted.role, "invitation.role")
        ttl = request.ttl.ToTimedelta() if request.HasField("ttl") else None
        key = request_key("CreateInvitation", request)
        made, token = await self.invitations.create(caller(Principal), tenant, wanted.email, role, ttl, key)
        return pb.IssuedInvitation(invitation=convert.invitation_to_proto(tenant, made), token=token)

    async def ListInvitations(self, request: pb.ListInvitationsRequest, context: Context) -> pb.ListInvitationsResponse:
        tenant = names.tenant_of(request.parent)
        found, token = await self.invitations.list(caller(Principal), tenant, request.page_size, request.page_token)
        shown = await each(partial(convert.invitation_to_proto, tenant), found)
        return pb.ListInvitationsResponse(invitations=shown, next_page_token=token)

    async def DeleteInvitation(self, request: pb.DeleteInvitationRequest, context: Context) -> Empty:
        invitation_id = names.uuid_of(request.name, Reason.INVITATION_NOT_FOUND)
        await self.invitations.delete(caller(Principal), names.tenant_of(request.name), invitation_id)
        return Empty()

    async def CreateTenantApiKey(self, request: pb.CreateTenantApiKeyRequest, context: Context) -> IssuedApiKey:
        tenant, draft = names.tenant_of(request.parent), names.key_draft(request.api_key)
        key = request_key("CreateTenantApiKey", request)
        return names.issued_to_proto(tenant, await self.keys.create_for(caller(Principal), tenant, draft, key))

    async def ListTenantApiKeys(
        self, request: pb.ListTenantApiKeysRequest, context: Context
    ) -> pb.ListTenantApiKeysResponse:
        tenant = names.tenant_of(request.parent)
        keys, token = await self.keys.list_of(caller(Principal), tenant, request.page_size, request.page_token)
        shown = await each(partial(names.key_to_proto, tenant), keys)
        return pb.ListTenantApiKeysResponse(api_keys=shown, next_page_token=token)

    async def RotateTenantApiKey(self, request: pb.RotateTenantApiKeyRequest, context: Context) -> IssuedApiKey:
        tenant = names.tenant_of(request.name)
        return names.issued_to_proto(tenant, await self.keys.rotate_of(caller(Principal), tenant, rotation(request)))

    async def RevokeTenantApiKey(self, request: pb.RevokeTenantApiKeyRequest, context: Context) -> ApiKey:
        tenant, key_id = names.tenant_of(request.name), names.last_of(request.name)
        return names.key_to_proto(tenant, await self.keys.revoke_of(caller(Principal), tenant, key_id))

    async def CreateIssuer(self, request: pb.CreateIssuerRequest, context: Context) -> pb.Issuer:
        tenant, wanted = names.tenant_of(request.parent), convert.issuer_from_proto(request.issuer)
        return convert.issuer_to_proto(tenant, await self.issuers.create(caller(Principal), tenant, wanted))

    async def ListIssuers(self, request: pb.ListIssuersRequest, context: Context) -> pb.ListIssuersResponse:
        tenant = names.tenant_of(request.parent)
        found, token = await self.issuers.list(caller(Principal), tenant, request.page_size, request.page_token)
        shown = await each(partial(convert.issuer_to_proto, tenant), found)
        return pb.ListIssuersResponse(issuers=shown, next_page_token=token)

    async def DeleteIssuer(self, request: pb.DeleteIssuerRequest, context: Context) -> Empty:
        issuer_id = names.uuid_of(request.name, Reason.ISSUER_NOT_FOUND)
        await self.issuers.delete(caller(Principal), names.tenant_of(request.name), issuer_id)
        return Empty()

    async def GetQuotas(self, request: pb.GetQuotasRequest, context: Context) -> pb.Quotas:
        tenant = names.tenant_of(request.name)
        return convert.quotas_to_proto(tenant, await self.quotas.get(caller(Principal), tenant))

    async def UpdateQuotas(self, request: pb.UpdateQuotasRequest, context: Context) -> pb.Quotas:
        wanted, tenant = request.quotas, names.tenant_of(request.quotas.name, "quotas")
        mask, values = convert.limits_mask(request.update_mask.paths), convert.limits_from_proto(wanted.limits)
        standing = await self.quotas.update(caller(Principal), tenant, version(wanted.etag), mask, values)
        return convert.quotas_to_proto(tenant, standing)

    async def GetUsage(self, request: pb.GetUsageRequest, context: Context) -> pb.GetUsageResponse:
        first = convert.day_from_proto(request.start_date, "start_date")
        last = convert.day_from_proto(request.end_date, "end_date")
        tenant = names.tenant_of(request.parent)
        rows, total = await self.usage.run(caller(Principal), tenant, first, last, request.subject)
        return pb.GetUsageResponse(rows=await each(convert.usage_to_proto, rows), total=convert.usage_to_proto(total))


def _user(name: str) -> tuple[str, UserId]:
    return names.tenant_of(name), UserId(names.uuid_of(name, Reason.USER_NOT_FOUND))
