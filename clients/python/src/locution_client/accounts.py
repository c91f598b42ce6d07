"""The caller's own account: sessions, keys, preferences."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from datetime import timedelta

import grpc
from google.protobuf.field_mask_pb2 import FieldMask
from locution.v1 import account_service_pb2 as pb
from locution.v1.account_service_pb2_grpc import AccountServiceStub
from locution.v1.identity_pb2 import ApiKey, IssuedApiKey

from locution_client.calls import DEADLINE, Access, once
from locution_client.service import Service


class Accounts(Service):
    """Call AccountService."""

    def __init__(self, channel: grpc.aio.Channel, access: Access) -> None:
        super().__init__(access)
        self._stub = AccountServiceStub(channel)

    async def login(self, tenant: str, email: str, password: str) -> pb.Session:
        """Exchange a password for a session."""
        request = pb.LoginRequest(tenant=tenant, email=email, password=password)
        return await once(lambda: self._stub.Login(request, timeout=DEADLINE), self._access)

    async def register(self, invitation: str, email: str, password: str, display_name: str = "") -> pb.Session:
        """Register a user with an invitation, or without one if the server allows open registration."""
        request = pb.RegisterRequest(invitation=invitation, email=email, password=password, display_name=display_name)
        return await once(lambda: self._stub.Register(request, timeout=DEADLINE), self._access)

    async def refresh(self, refresh_token: str) -> pb.Session:
        """Exchange a refresh token for a new session. A token works only once; using it again ends the session."""
        request = pb.RefreshSessionRequest(refresh_token=refresh_token)
        return await once(lambda: self._stub.RefreshSession(request, timeout=DEADLINE), self._access)

    async def logout(self, *, everywhere: bool = False) -> None:
        """End the caller's session, or all of the user's."""
        await self._call(self._stub.Logout, pb.LogoutRequest(everywhere=everywhere))

    async def change_password(self, old: str, new: str) -> None:
        """Change the caller's password; ends the caller's other sessions."""
        request = pb.ChangePasswordRequest(old_password=old, new_password=new)
        await self._call(self._stub.ChangePassword, request, repeat=False)

    async def caller(self) -> pb.Caller:
        """Return the identity of the caller."""
        return await self._call(self._stub.GetCaller, pb.GetCallerRequest())

    async def preferences(self) -> pb.Preferences:
        """Read the caller's preferences."""
        return await self._call(self._stub.GetPreferences, pb.GetPreferencesRequest())

    async def update_preferences(self, wanted: pb.Preferences, fields: Iterable[str]) -> pb.Preferences:
        """Change some of the caller's preferences."""
        request = pb.UpdatePreferencesRequest(preferences=wanted, update_mask=FieldMask(paths=fields))
        return await self._call(self._stub.UpdatePreferences, request)

    async def create_key(self, key: ApiKey) -> IssuedApiKey:
        """Create a key that acts for the caller; the answer holds its secret."""
        request = pb.CreateApiKeyRequest(api_key=key, request_id=str(uuid.uuid4()))
        return await self._call(self._stub.CreateApiKey, request)

    async def keys(self) -> list[ApiKey]:
        """List the caller's own keys."""
        return await self._list(self._stub.ListApiKeys, pb.ListApiKeysRequest(), "api_keys")

    async def rotate_key(self, name: str, *, overlap: timedelta | None = None) -> IssuedApiKey:
        """Create a replacement for one of the caller's own keys; the old key stays valid for the overlap."""
        request = pb.RotateApiKeyRequest(name=name)
        if overlap is not None:
            request.overlap.FromTimedelta(overlap)
        return await self._call(self._stub.RotateApiKey, request, repeat=False)

    async def revoke_key(self, name: str) -> ApiKey:
        """Revoke one of the caller's own keys."""
        return await self._call(self._stub.RevokeApiKey, pb.RevokeApiKeyRequest(name=name))
