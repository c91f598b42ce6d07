"""Read, change and delete users."""

from __future__ import annotations

from collections.abc import Iterable

from locution_common.errors import Reason

from locution_gateway.identity.credentials.passwords import ArgonPasswords
from locution_gateway.identity.models import User, UserChange
from locution_gateway.identity.postgres.sessions import PostgresSessions
from locution_gateway.identity.postgres.users import PostgresUsers
from locution_gateway.platform.listing import PageQuery
from locution_gateway.platform.masks import masked
from locution_gateway.platform.pages import Binding, page_size
from locution_gateway.platform.principal import Principal, UserId
from locution_gateway.platform.reach import Reach, require_rank


class ManageUsers:
    """Users of a tenant, for administrators. A caller cannot act on a user of a higher role."""

    def __init__(
        self, users: PostgresUsers, sessions: PostgresSessions, passwords: ArgonPasswords, reach: Reach
    ) -> None:
        self._users = users
        self._sessions = sessions
        self._passwords = passwords
        self._reach = reach

    async def get(self, principal: Principal, tenant: str, user_id: UserId) -> User:
        """Read one. Refuses with USER_NOT_FOUND."""
        return await self._users.get(await self._within(principal, tenant), user_id)

    async def list(self, principal: Principal, tenant: str, size: int, token: str) -> tuple[tuple[User, ...], str]:
        """Read a page, newest first. Refuses with TENANT_NOT_FOUND, PAGE_TOKEN_INVALID."""
        within = await self._reach.within(principal, tenant, Reason.TENANT_NOT_FOUND)
        binding = Binding(within, "users")
        page = await self._users.list(within, PageQuery(page_size(size), after=binding.position(token)))
        return page.rows, binding.token(page.last)

    async def update(
        self,
        principal: Principal,
        tenant: str,
        user_id: UserId,
        version: int | None,
        mask: Iterable[str],
        values: UserChange,
    ) -> User:
        """Change one. Refuses with USER_NOT_FOUND, ETAG_MISMATCH, UPDATE_MASK_INVALID, PERMISSION_DENIED."""
        change = masked(mask, values, UserChange())
        within = await self._lower(principal, tenant, user_id)
        if change.role is not None:
            require_rank(principal, change.role)
        return await self._users.update(within, user_id, version, change)

    async def reset_password(self, principal: Principal, tenant: str, user_id: UserId, password: str) -> None:
        """Set a password and end the user's sessions. Refuses with USER_NOT_FOUND, PERMISSION_DENIED, OVERLOADED."""
        within = await self._lower(principal, tenant, user_id)
        await self._users.set_password(within, user_id, await self._passwords.hash(password))
        await self._sessions.revoke_all(within, user_id, None, "password reset")

    async def delete(self, principal: Principal, tenant: str, user_id: UserId, version: int | None) -> None:
        """Delete one. Refuses with USER_NOT_FOUND, ETAG_MISMATCH, PERMISSION_DENIED."""
        within = await self._lower(principal, tenant, user_id)
        await self._users.delete(within, user_id, version)

    async def _within(self, principal: Principal, tenant: str) -> Principal:
        return await self._reach.within(principal, tenant, Reason.USER_NOT_FOUND)

    async def _lower(self, principal: Principal, tenant: str, user_id: UserId) -> Principal:
        """Return the caller as it acts in the tenant, after checking that the user has no higher role."""
        within = await self._within(principal, tenant)
        require_rank(principal, (await self._users.get(within, user_id)).role)
        return within
