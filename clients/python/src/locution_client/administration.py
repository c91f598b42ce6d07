"""Manage tenants: their users, invitations, keys, issuers, quotas, usage and settings."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from datetime import timedelta

import grpc
from google.protobuf.field_mask_pb2 import FieldMask
from locution.v1 import administration_service_pb2 as pb
from locution.v1.administration_service_pb2_grpc import AdministrationServiceStub
from locution.v1.identity_pb2 import ApiKey, IssuedApiKey

from locution_client.calls import Access
from locution_client.service import Service


class Administration(Service):
    """Call AdministrationService; a tenant is named "tenants/{tenant}"."""

    def __init__(self, channel: grpc.aio.Channel, access: Access) -> None:
        super().__init__(access)
        self._stub = AdministrationServiceStub(channel)

    async def tenants(self) -> list[pb.Tenant]:
        """List all tenants."""
        return await self._list(self._stub.ListTenants, pb.ListTenantsRequest(), "tenants")

    async def tenant(self, name: str) -> pb.Tenant:
        """Read a tenant."""
        return await self._call(self._stub.GetTenant, pb.GetTenantRequest(name=name))

    async def create_tenant(self, tenant_id: str, tenant: pb.Tenant) -> pb.Tenant:
        """Create a tenant."""
        return await self._call(self._stub.CreateTenant, pb.CreateTenantRequest(tenant_id=tenant_id, tenant=tenant))

    async def update_tenant(self, tenant: pb.Tenant, fields: Iterable[str]) -> pb.Tenant:
        """Change some fields of a tenant."""
        request = pb.UpdateTenantRequest(tenant=tenant, update_mask=FieldMask(paths=fields))
        return await self._call(self._stub.UpdateTenant, request)

    async def settings(self, tenant: str) -> pb.TenantSettings:
        """Read a tenant's settings."""
        return await self._call(self._stub.GetTenantSettings, pb.GetTenantSettingsRequest(name=f"{tenant}/settings"))

    async def update_settings(self, wanted: pb.TenantSettings, fields: Iterable[str]) -> pb.TenantSettings:
        """Change some of a tenant's settings."""
        request = pb.UpdateTenantSettingsRequest(settings=wanted, update_mask=FieldMask(paths=fields))
        return await self._call(self._stub.UpdateTenantSettings, request)

    async def users(self, tenant: str) -> list[pb.User]:
        """List a tenant's users."""
        return await self._list(self._stub.ListUsers, pb.ListUsersRequest(parent=tenant), "users")

    async def update_user(self, user: pb.User, fields: Iterable[str]) -> pb.User:
        """Change some fields of a user."""
        request = pb.UpdateUserRequest(user=user, update_mask=FieldMask(paths=fields))
        return await self._call(self._stub.UpdateUser, request)

    async def reset_password(self, user: str, password: str) -> None:
        """Set a user's password, which ends the user's sessions."""
        await self._call(self._stub.ResetPassword, pb.ResetPasswordRequest(name=user, new_password=password))

    async def delete_user(self, user: str) -> None:
        """Delete a user with sessions, keys and preferences."""
        await self._call(self._stub.DeleteUser, pb.DeleteUserRequest(name=user))

    async def invite(self, tenant: str, invitation: pb.Invitation, ttl: timedelta | None = None) -> pb.IssuedInvitation:
        """Invite a user; the answer holds the token."""
        request = pb.CreateInvitationRequest(parent=tenant, invitation=invitation, request_id=str(uuid.uuid4()))
        if ttl is not None:
            request.ttl.FromTimedelta(ttl)
        return await self._call(self._stub.CreateInvitation, request)

    async def invitations(self, tenant: str) -> list[pb.Invitation]:
        """List a tenant's open invitations."""
        request = pb.ListInvitationsRequest(parent=tenant)
        return await self._list(self._stub.ListInvitations, request, "invitations")

    async def delete_invitation(self, name: str) -> None:
        """Revoke an invitation."""
        await self._call(self._stub.DeleteInvitation, pb.DeleteInvitationRequest(name=name))

    async def create_key(self, tenant: str, key: ApiKey) -> IssuedApiKey:
        """Create a key for a program; the answer holds its secret."""
        request = pb.CreateTenantApiKeyRequest(parent=tenant, api_key=key, request_id=str(uuid.uuid4()))
        return await self._call(self._stub.CreateTenantApiKey, request)

    async def keys(self, tenant: str) -> list[ApiKey]:
        """List all keys of a tenant."""
        request = pb.ListTenantApiKeysRequest(parent=tenant)
        return await self._list(self._stub.ListTenantApiKeys, request, "api_keys")

    async def rotate_key(self, name: str, *, overlap: timedelta | None = None) -> IssuedApiKey:
        """Create a replacement for one of the tenant's keys; the old key stays valid for the overlap."""
        request = pb.RotateTenantApiKeyRequest(name=name)
        if overlap is not None:
            request.overlap.FromTimedelta(overlap)
        return await self._call(self._stub.RotateTenantApiKey, request, repeat=False)

    async def revoke_key(self, name: str) -> ApiKey:
        """Revoke any key of a tenant."""
        return await self._call(self._stub.RevokeTenantApiKey, pb.RevokeTenantApiKeyRequest(name=name))

    async def create_issuer(self, tenant: str, issuer: pb.Issuer) -> pb.Issuer:
        """Allow an OIDC issuer to authenticate callers of a tenant."""
        return await self._call(self._stub.CreateIssuer, pb.CreateIssuerRequest(parent=tenant, issuer=issuer))

    async def issuers(self, tenant: str) -> list[pb.Issuer]:
        """List a tenant's issuers."""
        return await self._list(self._stub.ListIssuers, pb.ListIssuersRequest(parent=tenant), "issuers")

    async def delete_issuer(self, name: str) -> None:
        """Remove an issuer."""
        await self._call(self._stub.DeleteIssuer, pb.DeleteIssuerRequest(name=name))

    async def quotas(self, tenant: str) -> pb.Quotas:
        """Read a tenant's quotas and their current use."""
        return await self._call(self._stub.GetQuotas, pb.GetQuotasRequest(name=f"{tenant}/quotas"))

    async def update_quotas(self, quotas: pb.Quotas, fields: Sequence[str]) -> pb.Quotas:
        """Change some of a tenant's quotas."""
        request = pb.UpdateQuotasRequest(quotas=quotas, update_mask=FieldMask(paths=fields))
        return await self._call(self._stub.UpdateQuotas, request)

    async def usage(self, tenant: str, first: str = "", last: str = "", subject: str = "") -> pb.GetUsageResponse:
        """Return a tenant's usage from one day to another (ISO 8601, UTC)."""
        request = pb.GetUsageRequest(parent=tenant, start_date=first, end_date=last, subject=subject)
        return await self._call(self._stub.GetUsage, request)
