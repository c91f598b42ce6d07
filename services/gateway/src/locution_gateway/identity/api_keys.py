"""API keys: the caller's own, and those of a tenant for administrators."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from locution_common.clock import Clock
from locution_common.errors import Reason, Refused

from locution_gateway.identity import tokens
from locution_gateway.identity.models import ApiKey, NewKey
from locution_gateway.identity.postgres.api_keys import PostgresApiKeys
from locution_gateway.platform.ids import new_id
from locution_gateway.platform.listing import PageQuery
from locution_gateway.platform.pages import Binding, page_size
from locution_gateway.platform.principal import Credential, Principal, Role, Scope, UserId
from locution_gateway.platform.reach import Reach, require_rank
from locution_gateway.platform.requests import RequestKey
from locution_gateway.quotas.known import KnownQuotas

OVERLAP: Final = timedelta(days=1)
KEY_SUBJECT: Final = "key:"

Issued = tuple[ApiKey, str]


@dataclass(frozen=True, slots=True)
class KeyDraft:
    """A client's description of a new key; empty `scopes` means everything that the role allows."""

    display_name: str
    role: Role | None
    scopes: frozenset[Scope]
    expire_time: datetime | None


@dataclass(frozen=True, slots=True)
class Rotation:
    """The key to rotate, how long the old one stays valid, and when the new one expires; None for the defaults."""

    key_id: str
    overlap: timedelta | None
    expire_time: datetime | None


class ApiKeys:
    """Creates, lists, rotates and revokes keys; a caller cannot grant more than it has."""

    def __init__(self, keys: PostgresApiKeys, quotas: KnownQuotas, reach: Reach, clock: Clock) -> None:
        self._keys = keys
        self._quotas = quotas
        self._reach = reach
        self._clock = clock

    async def create_own(self, principal: Principal, draft: KeyDraft, request: RequestKey | None) -> Issued:
        """Create a key that acts for the caller. Refuses with PERMISSION_DENIED, QUOTA_EXCEEDED, REQUEST_ID_REUSED."""
        return await self._create(principal, principal, draft, principal.user_id, request)

    async def create_for(
        self, principal: Principal, tenant: str, draft: KeyDraft, request: RequestKey | None
    ) -> Issued:
        """Create a key of a tenant that belongs to no user. Also refuses with TENANT_NOT_FOUND."""
        if draft.role is None:
            raise Refused(Reason.INVALID_REQUEST, "a key without a user needs a role", field="api_key.role")
        within = await self._reach.within(principal, tenant, Reason.TENANT_NOT_FOUND)
        return await self._create(principal, within, draft, None, request)

    async def list_own(self, principal: Principal, size: int, token: str) -> tuple[tuple[ApiKey, ...], str]:
        """Read a page of the caller's own keys. Refuses with PAGE_TOKEN_INVALID."""
        return await self._list(principal, principal, size, token)

    async def list_of(self, principal: Principal, tenant: str, size: int, token: str) -> tuple[tuple[ApiKey, ...], str]:
        """Read a page of a tenant's keys. Refuses with TENANT_NOT_FOUND, PAGE_TOKEN_INVALID."""
        within = await self._reach.within(principal, tenant, Reason.TENANT_NOT_FOUND)
        return await self._list(within, None, size, token)

    async def rotate_own(self, principal: Principal, tenant: str, rotation: Rotation) -> Issued:
        """Replace one of the caller's own keys. Refuses with API_KEY_NOT_FOUND, API_KEY_STATE_CONFLICT."""
        old = await self._own(principal, tenant, rotation.key_id)
        _require_within(principal, old)
        return await self._rotate(principal, principal, old, rotation)

    async def rotate_of(self, principal: Principal, tenant: str, rotation: Rotation) -> Issued:
        """Replace one of a tenant's keys. Also refuses with PERMISSION_DENIED."""
        within, old = await self._of(principal, tenant, rotation.key_id)
        _require_within(principal, old)
        return await self._rotate(principal, within, old, rotation)

    async def revoke_own(self, principal: Principal, tenant: str, key_id: str) -> ApiKey:
        """Revoke one of the caller's own. Refuses with API_KEY_NOT_FOUND."""
        await self._own(principal, tenant, key_id)
        return await self._keys.revoke(principal, key_id)

    async def revoke_of(self, principal: Principal, tenant: str, key_id: str) -> ApiKey:
        """Revoke one of a tenant's. Refuses with API_KEY_NOT_FOUND, PERMISSION_DENIED."""
        within, _ = await self._of(principal, tenant, key_id)
        return await self._keys.revoke(within, key_id)

    async def _create(
        self,
        maker: Principal,
        within: Principal,
        draft: KeyDraft,
        user_id: UserId | None,
        request: RequestKey | None,
    ) -> Issued:
        role = draft.role or maker.role
        require_rank(maker, role)
        fresh, scopes = tokens.new_key(), _scopes(maker, draft.scopes)
        parent = await self._parent(maker)
        limits = await self._quotas.limits(within.tenant_id)
        key = NewKey(
            key_id=fresh.token_id,
            row_id=new_id(),
            user_id=user_id,
            display_name=draft.display_name,
            role=role,
            scopes=scopes,
            expire_time=_outlived(draft.expire_time, draft.expire_time, parent),
            secret_hash=fresh.secret_hash,
            parent_id=None if parent is None else parent.key_id,
        )
        return await self._keys.create(within, key, limits.api_keys, request), fresh.token

    async def _list(
        self, within: Principal, owner: Principal | None, size: int, token: str
    ) -> tuple[tuple[ApiKey, ...], str]:
        binding = Binding(within, "keys", "" if owner is None else owner.owner)
        page = await self._keys.list(within, owner, PageQuery(page_size(size), after=binding.position(token)))
        return page.rows, binding.token(page.last)

    async def _parent(self, maker: Principal) -> ApiKey | None:
        """Return the key that the caller authenticated with, None for another credential."""
        if maker.credential is not Credential.API_KEY or not maker.subject.startswith(KEY_SUBJECT):
            return None
        return await self._keys.get(maker, maker.subject.removeprefix(KEY_SUBJECT))

    async def _rotate(self, maker: Principal, within: Principal, old: ApiKey, rotation: Rotation) -> Issued:
        fresh, now = tokens.new_key(), self._clock.now()
        end = rotation.expire_time
        if end is None and old.expire_time is not None:
            end = now + (old.expire_time - old.create_time)
        end = _outlived(end, rotation.expire_time, await self._parent(maker))
        key = NewKey(
            key_id=fresh.token_id,
            row_id=new_id(),
            user_id=old.user_id,
            display_name=old.display_name,
            role=old.role,
            scopes=old.scopes,
            expire_time=end,
            secret_hash=fresh.secret_hash,
            rotated_from=old.key_id,
            parent_id=old.parent_id,
        )
        overlap = OVERLAP if rotation.overlap is None else rotation.overlap
        return await self._keys.rotate(within, old.key_id, key, now + overlap), fresh.token

    async def _own(self, principal: Principal, tenant: str, key_id: str) -> ApiKey:
        if tenant != principal.tenant:
            raise Refused(Reason.API_KEY_NOT_FOUND)
        key = await self._keys.get(principal, key_id)
        if not _owns(principal, key):
            raise Refused(Reason.API_KEY_NOT_FOUND)
        return key

    async def _of(self, principal: Principal, tenant: str, key_id: str) -> tuple[Principal, ApiKey]:
        within = await self._reach.within(principal, tenant, Reason.API_KEY_NOT_FOUND)
        key = await self._keys.get(within, key_id)
        require_rank(principal, key.role)
        return within, key


def _owns(principal: Principal, key: ApiKey) -> bool:
    """Tell whether a key is the caller's own: its user's, one that it created, or itself."""
    if key.user_id is not None or principal.user_id is not None:
        return key.user_id == principal.user_id
    return principal.subject in (key.created_by, f"key:{key.key_id}")


def _require_within(principal: Principal, key: ApiKey) -> None:
    """Refuse with PERMISSION_DENIED if a key may do more than the caller, who would receive its replacement."""
    require_rank(principal, key.role)
    if principal.scopes is not None and not (key.scopes and key.scopes <= principal.scopes):
        raise Refused(Reason.PERMISSION_DENIED, "this key has more rights than the caller")


def _outlived(end: datetime | None, stated: datetime | None, parent: ApiKey | None) -> datetime | None:
    """Return the expiry of a key that another key issues: at most its own. Refuses a later stated one."""
    if parent is None or parent.expire_time is None:
        return end
    if stated is not None and stated > parent.expire_time:
        raise Refused(
            Reason.PERMISSION_DENIED, "a key cannot issue a key that expires after itself", field="expire_time"
        )
    return parent.expire_time if end is None else min(end, parent.expire_time)


def _scopes(maker: Principal, asked: frozenset[Scope]) -> frozenset[Scope]:
    """Return the scopes of a new key. Refuses more than the creator's own with PERMISSION_DENIED."""
    if maker.scopes is None:
        return asked
    missing = asked - maker.scopes
    if missing:
        names = ", ".join(sorted(missing))
        raise Refused(
            Reason.PERMISSION_DENIED, f"this requires a key with the scopes {names}", metadata={"scope": names}
        )
    return asked or maker.scopes
