"""People: invitation, registration, login, refresh, passwords, and what an administrator may do to them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import grpc
import pytest
from locution.v1 import account_service_pb2 as accounts
from locution.v1 import administration_service_pb2 as administration
from locution.v1 import identity_pb2 as identity
from locution_gateway.identity.credentials import passwords
from locution_gateway.identity.credentials.passwords import ArgonPasswords

from tests.service.gateway.client import reason, refusal
from tests.service.gateway.conftest import Gateway, Serve
from tests.service.gateway.identity.conftest import SESSION_KEY
from tests.service.gateway.identity.test_credentials import caller, small_world
from tests.service.gateway.identity.world import PASSWORD, World, new_user

EMAIL = "Anna@Acme.example"


@pytest.fixture
async def small(api: Gateway) -> AsyncIterator[World]:
    async with small_world(api) as made:
        yield made


def login(tenant: str = "acme", email: str = EMAIL, password: str = PASSWORD) -> accounts.LoginRequest:
    return accounts.LoginRequest(tenant=tenant, email=email, password=password)


async def test_a_user_is_invited_registers_and_logs_in(small: World) -> None:
    first = await new_user(small, "acme", EMAIL)
    anybody = await small.account(None)
    session = await anybody.Login(login(email=EMAIL.upper()))
    assert session.user == first.user
    who = await caller(small, session.access_token)
    assert (who.email, who.credential) == (EMAIL.lower(), accounts.Caller.CREDENTIAL_SESSION)
    admin = await small.administration(small.mine.keys["ADMIN"])
    user = await admin.GetUser(administration.GetUserRequest(name=session.user))
    assert user.HasField("last_login_time")


async def test_what_does_not_fit_gets_one_answer(small: World) -> None:
    await new_user(small, "acme", EMAIL)
    anybody = await small.account(None)
    wrong = [login(tenant="nobody"), login(email="x@acme.example"), login(password="wrong")]
    answers = [await refusal(anybody.Login(request)) for request in wrong]
    assert len({(one.code, one.reason, one.message) for one in answers}) == 1
    assert answers[0].reason == "UNAUTHENTICATED"


async def test_an_invitation_is_used_once(small: World) -> None:
    invitation = administration.Invitation(email=EMAIL, role=identity.ROLE_MEMBER)
    request = administration.CreateInvitationRequest(parent="tenants/acme", invitation=invitation)
    admin = await small.administration(small.mine.keys["ADMIN"])
    token = (await admin.CreateInvitation(request)).token
    anybody = await small.account(None)
    register = accounts.RegisterRequest(invitation=token, password=PASSWORD)
    both = await asyncio.gather(anybody.Register(register), anybody.Register(register), return_exceptions=True)
    assert sum(isinstance(one, accounts.Session) for one in both) == 1
    assert await reason(anybody.Register(register)) == "INVITATION_INVALID"
    forged = accounts.RegisterRequest(invitation=token[:-1] + ("a" if token[-1] != "a" else "b"), password=PASSWORD)
    assert await reason(anybody.Register(forged)) == "INVITATION_INVALID"
    assert await reason(admin.CreateInvitation(request)) == "USER_EXISTS"
    above = administration.CreateInvitationRequest(
        parent="tenants/acme",
        invitation=administration.Invitation(email="boss@acme.example", role=identity.ROLE_OPERATOR),
    )
    assert await reason(admin.CreateInvitation(above)) == "PERMISSION_DENIED"


async def test_registration_is_closed_unless_the_settings_open_it(serve: Serve, small: World) -> None:
    register = accounts.RegisterRequest(email=EMAIL, password=PASSWORD)
    assert await reason((await small.account(None)).Register(register)) == "REGISTRATION_CLOSED"
    async with serve(session_key=SESSION_KEY, open_registration_tenant="acme") as api:
        small.api = api
        small.channels.clear()
        session = await (await small.account(None)).Register(register)
        assert (await caller(small, session.access_token)).role == identity.ROLE_MEMBER
        assert await reason((await small.account(None)).Register(register)) == "USER_EXISTS"


async def test_without_a_key_there_are_no_sessions(serve: Serve) -> None:
    async with serve() as api, small_world(api) as world:
        with pytest.raises(grpc.aio.AioRpcError):
            await new_user(world, "acme", EMAIL)
        assert await reason((await world.account(None)).Login(login())) in ("SESSIONS_DISABLED", "UNAUTHENTICATED")


async def test_a_refresh_token_is_used_once_and_a_second_use_ends_the_session(small: World) -> None:
    first = await new_user(small, "acme", EMAIL)
    anybody = await small.account(None)
    request = accounts.RefreshSessionRequest(refresh_token=first.refresh_token)
    second = await anybody.RefreshSession(request)
    assert second.refresh_token != first.refresh_token
    assert (await caller(small, second.access_token)).email == EMAIL.lower()
    assert await reason(anybody.RefreshSession(request)) == "UNAUTHENTICATED"
    again = accounts.RefreshSessionRequest(refresh_token=second.refresh_token)
    assert await reason(anybody.RefreshSession(again)) == "UNAUTHENTICATED"
    await _until_refused(small, second.access_token)


async def _until_refused(world: World, token: str) -> None:
    async with asyncio.timeout(30):
        while True:
            try:
                await caller(world, token)
            except grpc.aio.AioRpcError:
                return
            await asyncio.sleep(0.05)


async def test_logout_and_a_new_password_end_sessions(small: World) -> None:
    first = await new_user(small, "acme", EMAIL)
    anybody = await small.account(None)
    second = await anybody.Login(login())
    account = await small.account(second.access_token)
    wrong = accounts.ChangePasswordRequest(old_password="wrong", new_password="another long password")
    assert await reason(account.ChangePassword(wrong)) == "UNAUTHENTICATED"
    change = accounts.ChangePasswordRequest(old_password=PASSWORD, new_password="another long password")
    await account.ChangePassword(change)
    await _until_refused(small, first.access_token)
    await caller(small, second.access_token)
    assert await reason(anybody.Login(login())) == "UNAUTHENTICATED"
    await account.Logout(accounts.LogoutRequest())
    await _until_refused(small, second.access_token)
    with_key = await small.account(small.mine.keys["MEMBER"])
    assert await reason(with_key.Logout(accounts.LogoutRequest())) == "SESSION_REQUIRED"


async def test_an_administrator_resets_disables_and_removes(small: World) -> None:
    session = await new_user(small, "acme", EMAIL)
    anybody, admin = await small.account(None), await small.administration(small.mine.keys["ADMIN"])
    key = await (await small.account(session.access_token)).CreateApiKey(accounts.CreateApiKeyRequest())
    assert key.api_key.user == session.user
    await admin.ResetPassword(administration.ResetPasswordRequest(name=session.user, new_password="reset by an admin"))
    await _until_refused(small, session.access_token)
    fresh = await anybody.Login(login(password="reset by an admin"))
    request = administration.UpdateUserRequest(
        user=administration.User(name=session.user, state=administration.User.STATE_DISABLED)
    )
    request.update_mask.paths.append("state")
    await admin.UpdateUser(request)
    for token in (fresh.access_token, key.secret):
        await _until_refused(small, token)
    assert await reason(anybody.Login(login(password="reset by an admin"))) == "UNAUTHENTICATED"
    await admin.DeleteUser(administration.DeleteUserRequest(name=session.user))
    assert await reason(admin.GetUser(administration.GetUserRequest(name=session.user))) == "USER_NOT_FOUND"


async def test_an_administrator_does_not_reach_an_operator(small: World) -> None:
    boss = await new_user(small, "acme", "boss@acme.example", role="OPERATOR")
    admin = await small.administration(small.mine.keys["ADMIN"])
    reset = administration.ResetPasswordRequest(name=boss.user, new_password="taken over by an admin")
    assert await reason(admin.ResetPassword(reset)) == "PERMISSION_DENIED"
    own = await new_user(small, "acme", "admin@acme.example", role="ADMIN")
    request = administration.UpdateUserRequest(user=administration.User(name=own.user, role=identity.ROLE_OPERATOR))
    request.update_mask.paths.append("role")
    assert await reason(admin.UpdateUser(request)) == "PERMISSION_DENIED"


async def test_passwords_are_kept_as_argon2id(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "ArgonPasswords", ArgonPasswords)  # at its full cost
    async with serve(session_key=SESSION_KEY) as api, small_world(api) as world:
        await new_user(world, "acme", EMAIL)
        kept = await api.owner.fetchval("SELECT password_hash FROM gateway.users WHERE email = $1", EMAIL.lower())
    assert kept.startswith("$argon2id$v=19$m=65536,t=3,p=4$")
