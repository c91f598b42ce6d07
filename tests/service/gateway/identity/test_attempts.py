"""Attempts at passwords: delays grow per address and user, and nobody locks out somebody else."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from locution.v1 import account_service_pb2 as accounts
from locution_common.interceptors import RemoteFailure

from tests.service.gateway.client import reason, refusal
from tests.service.gateway.conftest import Gateway, Serve
from tests.service.gateway.identity.conftest import SESSION_KEY
from tests.service.gateway.identity.test_credentials import small_world
from tests.service.gateway.identity.test_sessions import EMAIL, login
from tests.service.gateway.identity.world import PASSWORD, World, new_user

STRANGER = "unknown@acme.example"
OFFICE, ATTACKER = "198.51.100.7", "203.0.113.9"
PASSED = "UPDATE gateway.login_attempts SET next_time = clock_timestamp() - interval '1 second'"
ENDLESS = "UPDATE gateway.login_attempts SET next_time = clock_timestamp() + interval '1 day'"
"""Let every delay pass, or none: nothing depends on how long the calls of a test take."""
PASSED_AT = f"{PASSED} WHERE address = $1"


@pytest.fixture
async def small(serve: Serve) -> AsyncIterator[World]:
    """An api behind proxies, which take the word of a client on its address."""
    rate = {"anonymous_calls_per_second": 1000.0}
    async with (
        serve(session_key=SESSION_KEY, trusted_proxies="127.0.0.0/8,::1/128", **rate) as api,
        small_world(api) as made,
    ):
        yield made


async def log_in(world: World, address: str, email: str = EMAIL, password: str = PASSWORD) -> accounts.Session:
    anybody = await world.account(None)
    return await anybody.Login(login(email=email, password=password), metadata=(("x-forwarded-for", address),))


async def attempt(world: World, address: str, email: str = EMAIL) -> RemoteFailure:
    return await refusal(log_in(world, address, email, "wrong"))


async def fail(world: World, address: str, times: int, email: str = EMAIL) -> list[str | None]:
    return [(await attempt(world, address, email)).reason for _ in range(times)]


async def delay(world: World, address: str) -> float:
    """Return how long the last failure at an address, "" for all together, delays the next attempt."""
    seconds = "SELECT extract(epoch FROM next_time - last_time)::float8 FROM gateway.login_attempts WHERE address = $1"
    return float(await world.api.owner.fetchval(f"{seconds} ORDER BY last_time DESC LIMIT 1", address))


async def wait(world: World, address: str, email: str = EMAIL) -> float:
    """Attempt a login that must wait, and return how long it is told to wait."""
    refused = await attempt(world, address, email)
    assert (refused.code, refused.reason) == ("RESOURCE_EXHAUSTED", "RATE_LIMITED")
    assert refused.retry_after is not None
    return refused.retry_after


async def test_five_failures_are_free_and_then_the_delay_doubles(small: World) -> None:
    await new_user(small, "acme", EMAIL)
    for email in (EMAIL, STRANGER):
        assert await fail(small, ATTACKER, 5, email) == ["UNAUTHENTICATED"] * 5
        for expected in (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900):
            assert await delay(small, ATTACKER) == expected
            await small.api.owner.execute(PASSED)
            assert await fail(small, ATTACKER, 1, email) == ["UNAUTHENTICATED"]
        assert 0 < await wait(small, ATTACKER, email) <= 900


async def test_an_attempt_during_the_delay_does_not_prolong_it(small: World) -> None:
    await fail(small, ATTACKER, 5)
    await small.api.owner.execute(ENDLESS)
    first, *_, last = [await wait(small, ATTACKER) for _ in range(4)]
    assert last < first <= 24 * 3600
    await small.api.owner.execute(PASSED)
    assert await fail(small, ATTACKER, 1) == ["UNAUTHENTICATED"]


async def test_nobody_locks_out_somebody_at_another_address(small: World) -> None:
    await new_user(small, "acme", EMAIL)
    await fail(small, ATTACKER, 5)
    await small.api.owner.execute(f"{ENDLESS} WHERE address = $1", ATTACKER)
    assert await fail(small, ATTACKER, 2) == ["RATE_LIMITED"] * 2
    await log_in(small, OFFICE)


async def test_attempts_at_once_are_counted_too(small: World) -> None:
    await new_user(small, "acme", EMAIL)
    await fail(small, ATTACKER, 1)
    await small.api.owner.execute("UPDATE gateway.login_attempts SET failures = 14")  # the next delay is 900 s
    answers = await asyncio.gather(*[attempt(small, ATTACKER) for _ in range(12)])
    assert sum(answer.reason == "UNAUTHENTICATED" for answer in answers) == 1


async def test_a_login_ends_the_delays_of_its_address(small: World) -> None:
    await new_user(small, "acme", EMAIL)
    await fail(small, OFFICE, 4)
    await log_in(small, OFFICE)
    assert await fail(small, OFFICE, 5) == ["UNAUTHENTICATED"] * 5
    everywhere = "SELECT failures FROM gateway.login_attempts WHERE address = ''"
    assert await small.api.owner.fetchval(everywhere) == 5


async def test_failures_are_forgotten_after_a_day(small: World) -> None:
    await fail(small, ATTACKER, 6)
    days = (
        "UPDATE gateway.login_attempts SET last_time = now() - interval '25 hours', next_time = now(), failures = 999"
    )
    await small.api.owner.execute(days)
    assert await fail(small, ATTACKER, 5) == ["UNAUTHENTICATED"] * 5
    await small.api.owner.execute(ENDLESS)
    assert await fail(small, ATTACKER, 1) == ["RATE_LIMITED"]
    await small.api.owner.execute("UPDATE gateway.login_attempts SET expire_time = now() - interval '1 second'")
    await small.api.owner.execute("SELECT gateway.forget_attempts(10)")
    assert await small.api.owner.fetchval("SELECT count(*) FROM gateway.login_attempts") == 0


async def test_many_addresses_share_a_limit_that_known_ones_are_free_of(small: World) -> None:
    await new_user(small, "acme", EMAIL)
    await log_in(small, OFFICE)
    for network in range(99):
        assert await fail(small, f"203.0.{network}.1", 1) == ["UNAUTHENTICATED"]
    assert await delay(small, "") == 0
    assert await fail(small, "203.0.99.1", 1) == ["UNAUTHENTICATED"]
    assert await delay(small, "") == 1
    await small.api.owner.execute(ENDLESS)
    await wait(small, "192.0.2.1")
    await small.api.owner.execute(PASSED_AT, OFFICE)
    await log_in(small, OFFICE)
    await small.api.owner.execute("UPDATE gateway.login_attempts SET failures = 5000 WHERE address = ''")
    await small.api.owner.execute(PASSED)
    assert await fail(small, "192.0.2.2", 1) == ["UNAUTHENTICATED"]
    assert await delay(small, "") == 30
    await small.api.owner.execute(ENDLESS)
    await small.api.owner.execute(PASSED_AT, OFFICE)
    assert await fail(small, OFFICE, 1) == ["UNAUTHENTICATED"]
    old = "UPDATE gateway.login_attempts SET login_time = now() - interval '31 days' WHERE address = $1"
    await small.api.owner.execute(old, OFFICE)
    await small.api.owner.execute(PASSED_AT, OFFICE)
    assert await fail(small, OFFICE, 1) == ["RATE_LIMITED"]


async def test_an_address_without_a_trusted_proxy_is_the_peers(api: Gateway) -> None:
    async with small_world(api) as world:
        reasons = [(await attempt(world, f"203.0.113.{n}")).reason for n in range(5)]
        assert reasons == ["UNAUTHENTICATED"] * 5
        await api.owner.execute(ENDLESS)
        assert (await attempt(world, "203.0.113.5")).reason == "RATE_LIMITED"


async def test_a_stolen_session_does_not_guess_the_password(small: World) -> None:
    session = await new_user(small, "acme", EMAIL)
    mine = await small.account(session.access_token)
    request = accounts.ChangePasswordRequest(old_password="wrong", new_password="another password")
    answers = [await reason(mine.ChangePassword(request)) for _ in range(5)]
    assert answers == ["UNAUTHENTICATED"] * 5
    await small.api.owner.execute(ENDLESS)
    assert await reason(mine.ChangePassword(request)) == "RATE_LIMITED"
