"""Credentials that are missing, malformed, forged, expired or revoked: the documented reason, and nothing else told."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp
from joserfc import jwt
from joserfc.jwk import OctKey
from locution.v1 import account_service_pb2 as accounts
from locution.v1 import administration_service_pb2 as administration
from locution.v1 import identity_pb2 as identity
from locution.v1.administration_service_pb2_grpc import AdministrationServiceStub
from locution_common.channels import open_channel
from locution_common.interceptors import RemoteFailure, remote_failure
from locution_gateway.identity.authenticate import TTL

from tests.service.gateway.client import refusal
from tests.service.gateway.conftest import KEY, Gateway, Serve
from tests.service.gateway.identity.conftest import SESSION_KEY
from tests.service.gateway.identity.world import Party, World, expire_key, new_key, new_tenant, new_user

ISSUER = "https://locution.invalid"


@pytest.fixture
async def small(api: Gateway) -> AsyncIterator[World]:
    """One tenant with keys."""
    async with small_world(api) as made:
        yield made


@asynccontextmanager
async def small_world(api: Gateway) -> AsyncIterator[World]:
    async with AsyncExitStack() as stack:
        made = World(api, stack, Party("acme"), Party("umbrella"))
        await new_tenant(made, made.mine)
        yield made


async def caller(world: World, token: str) -> accounts.Caller:
    return await (await world.account(token)).GetCaller(accounts.GetCallerRequest())


async def refused(world: World, token: str) -> RemoteFailure:
    return await refusal(caller(world, token))


async def raw(world: World, *metadata: tuple[str, str | bytes]) -> RemoteFailure | grpc.StatusCode:
    """Call with metadata as it is."""
    async with grpc.aio.insecure_channel(world.api.running.address) as channel:
        call = channel.unary_unary(
            "/locution.v1.AccountService/GetCaller",
            request_serializer=accounts.GetCallerRequest.SerializeToString,
            response_deserializer=accounts.Caller.FromString,
        )
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await call(accounts.GetCallerRequest(), metadata=metadata, timeout=10)
    failure = remote_failure(caught.value)
    return failure if failure.reason else caught.value.code()


async def test_missing_and_malformed_credentials_get_one_answer(small: World) -> None:
    good = small.mine.keys["VIEWER"]
    assert (await caller(small, good)).role == identity.ROLE_VIEWER
    bad: list[list[tuple[str, str | bytes]]] = [
        [],
        [("authorization", "")],
        [("authorization", "Bearer")],
        [("authorization", "Bearer ")],
        [("authorization", good)],
        [("authorization", f"Basic {good}")],
        [("authorization", f"Bearer {good}"), ("authorization", f"Bearer {good}")],
        [("authorization-bin", f"Bearer {good}".encode())],
        [("authorization", f"Bearer {good}x")],
        [("authorization", f"Bearer {good[:-1]}")],
        [("authorization", f"Bearer {good.upper()}")],
        [("authorization", f"Bearer {good[:25]}")],
        [("authorization", f"Bearer {good[:21]}{'a' * 52}")],
        [("authorization", f"Bearer loc_{'a' * 16}_{good[21:]}")],
        [("authorization", "Bearer a.b.c")],
        [("authorization", "Bearer ..")],
        [("authorization", f"Bearer {'x' * 9000}")],
        [("authorization", f"Bearer loc_{'a' * 8500}")],
    ]
    answers = [await raw(small, *metadata) for metadata in bad]
    assert {(one.code, one.reason, one.message) for one in answers if isinstance(one, RemoteFailure)} == {
        ("UNAUTHENTICATED", "UNAUTHENTICATED", "a valid credential is required")
    }
    assert all(isinstance(one, RemoteFailure) for one in answers)


async def test_huge_metadata_is_refused_and_the_server_lives(small: World) -> None:
    good = ("authorization", f"Bearer {small.mine.keys['VIEWER']}")
    huge = await raw(small, good, ("x-huge", "x" * 60_000))
    assert huge in (grpc.StatusCode.RESOURCE_EXHAUSTED, grpc.StatusCode.INTERNAL, grpc.StatusCode.UNAVAILABLE)
    many = await raw(small, *[(f"x-{n}", "y" * 100) for n in range(500)])
    assert many in (grpc.StatusCode.RESOURCE_EXHAUSTED, grpc.StatusCode.INTERNAL, grpc.StatusCode.UNAVAILABLE)
    assert (await caller(small, small.mine.keys["VIEWER"])).tenant == "tenants/acme"


async def test_an_expired_key_says_so_to_its_bearer_alone(small: World) -> None:
    later = Timestamp()
    later.FromDatetime(datetime.now(UTC) + timedelta(hours=1))
    key = await new_key(small, "acme", "MEMBER", expire_time=later)
    assert (await caller(small, key.secret)).role == identity.ROLE_MEMBER
    await expire_key(small, key)
    await until_reason(small, key.secret, "CREDENTIAL_EXPIRED")
    forged = key.secret[:-4] + ("aaaa" if key.secret[-4:] != "aaaa" else "bbbb")
    assert (await refused(small, forged)).reason == "UNAUTHENTICATED"


async def until_reason(world: World, token: str, reason: str) -> None:
    """Call until the credential is refused for a reason."""
    async with asyncio.timeout(30):
        while True:
            try:
                await caller(world, token)
            except grpc.aio.AioRpcError as error:
                if remote_failure(error).reason != reason:
                    raise
                return
            await asyncio.sleep(0.05)


def test_a_credential_is_cached_for_less_than_five_seconds() -> None:
    """So long at most a revocation whose notice is lost is not known (docs/guides/tenants.md)."""
    assert TTL < 5


async def test_a_revoked_key_is_refused_on_every_replica(serve: Serve, small: World) -> None:
    key = await new_key(small, "acme", "MEMBER")
    async with serve(session_key=SESSION_KEY) as other, replica_of(small, other) as replica:
        for world in (small, replica):
            await caller(world, key.secret)
        operator = await small.administration()
        await operator.RevokeTenantApiKey(administration.RevokeTenantApiKeyRequest(name=key.api_key.name))
        for world in (small, replica):
            await until_reason(world, key.secret, "UNAUTHENTICATED")


@asynccontextmanager
async def replica_of(world: World, api: Gateway) -> AsyncIterator[World]:
    async with AsyncExitStack() as stack:
        yield World(api, stack, world.mine, world.theirs)


async def test_a_revocation_whose_notice_is_lost_takes_effect_too(small: World) -> None:
    """The row changes without its trigger: as if the notice had been lost."""
    key = await new_key(small, "acme", "MEMBER")
    await caller(small, key.secret)
    owner = small.api.owner
    async with owner.transaction():
        await owner.execute("SET LOCAL session_replication_role = replica")
        await owner.execute(
            "UPDATE gateway.api_keys SET revoke_time = now() WHERE key_id = $1", key.api_key.name.rpartition("/")[2]
        )
    await until_reason(small, key.secret, "UNAUTHENTICATED")


async def test_a_key_says_when_it_was_last_used(serve: Serve) -> None:
    """A replica keeps it from time to time, and at its end."""
    async with serve() as gateway, small_world(gateway) as made:
        began = await gateway.owner.fetchval("SELECT now()")
        await caller(made, made.mine.keys["VIEWER"])
    async with serve() as gateway, open_channel(gateway.running.address, token=KEY) as channel:
        request = administration.ListTenantApiKeysRequest(parent="tenants/acme")
        listed = (await AdministrationServiceStub(channel).ListTenantApiKeys(request)).api_keys
    times = {key.role: key.last_use_time.ToDatetime(UTC) for key in listed if key.HasField("last_use_time")}
    assert times.keys() == {identity.ROLE_VIEWER}
    assert times[identity.ROLE_VIEWER] >= began - timedelta(seconds=1)


async def test_rotation_overlaps_and_then_ends(small: World) -> None:
    old = await new_key(small, "acme", "MEMBER", display_name="ci")
    operator = await small.administration()
    request = administration.RotateTenantApiKeyRequest(name=old.api_key.name, overlap=Duration(seconds=3600))
    new = await operator.RotateTenantApiKey(request)
    assert new.api_key.rotated_from == old.api_key.name
    assert (new.api_key.display_name, new.api_key.role) == ("ci", identity.ROLE_MEMBER)
    assert (await caller(small, old.secret)).subject != (await caller(small, new.secret)).subject
    await expire_key(small, old)
    await until_reason(small, old.secret, "CREDENTIAL_EXPIRED")
    assert (await caller(small, new.secret)).role == identity.ROLE_MEMBER
    again = await refusal(operator.RotateTenantApiKey(request))
    assert again.reason == "API_KEY_STATE_CONFLICT"


async def test_a_disabled_tenant_has_no_credentials(small: World) -> None:
    operator = await small.administration()
    tenant = administration.Tenant(name="tenants/acme", state=administration.Tenant.STATE_DISABLED)
    request = administration.UpdateTenantRequest(tenant=tenant)
    request.update_mask.paths.append("state")
    token = small.mine.keys["ADMIN"]
    await caller(small, token)
    await operator.UpdateTenant(request)
    await until_reason(small, token, "UNAUTHENTICATED")


async def test_keys_give_no_more_than_their_maker_has(small: World) -> None:
    account = await small.account(small.mine.keys["ADMIN"])
    above = identity.ApiKey(role=identity.ROLE_OPERATOR)
    assert (
        await refusal(account.CreateApiKey(accounts.CreateApiKeyRequest(api_key=above)))
    ).code == "PERMISSION_DENIED"
    narrow = await new_key(small, "acme", "MEMBER", scopes=[identity.SCOPE_ACCOUNT_WRITE, identity.SCOPE_JOBS_READ])
    narrowed = await small.account(narrow.secret)
    wider = identity.ApiKey(scopes=[identity.SCOPE_UPLOADS_WRITE])
    assert (
        await refusal(narrowed.CreateApiKey(accounts.CreateApiKeyRequest(api_key=wider)))
    ).code == "PERMISSION_DENIED"
    same = await narrowed.CreateApiKey(accounts.CreateApiKeyRequest())
    assert list(same.api_key.scopes) == [identity.SCOPE_JOBS_READ, identity.SCOPE_ACCOUNT_WRITE]
    admin = await small.administration(small.mine.keys["ADMIN"])
    operators = await new_key(small, "acme", "OPERATOR")
    rotate = administration.RotateTenantApiKeyRequest(name=operators.api_key.name)
    assert (await refusal(admin.RotateTenantApiKey(rotate))).code == "PERMISSION_DENIED"


async def test_a_secret_is_nowhere_in_the_database(small: World) -> None:
    key = await new_key(small, "acme", "MEMBER")
    row = await small.api.owner.fetchrow("SELECT * FROM gateway.api_keys WHERE key_id = $1", key.secret.split("_")[1])
    assert key.secret.split("_")[2] not in str(dict(row))
    assert len(row["secret_hash"]) == 32


def forge(header: dict[str, Any], claims: dict[str, Any], key: str = SESSION_KEY) -> str:
    """Sign whatever is asked for, as an attacker would who knows the key."""
    return jwt.encode(header, claims, OctKey.import_key(key), algorithms=["HS256", "HS384", "HS512"])


def unsigned(header: dict[str, Any], claims: dict[str, Any], signature: str = "") -> str:
    parts = (base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in (header, claims))
    return ".".join([*parts, signature])


def hmac_signed(header: dict[str, Any], claims: dict[str, Any], key: bytes) -> str:
    """Sign with HMAC-SHA-256 by hand, whatever the header says: libraries refuse what attackers do."""
    signing = unsigned(header, claims).rstrip(".")
    mac = hmac.new(key, signing.encode(), hashlib.sha256).digest()
    return f"{signing}.{base64.urlsafe_b64encode(mac).decode().rstrip('=')}"


async def test_forged_session_tokens_are_refused(small: World) -> None:
    session = await new_user(small, "acme", "anna@acme.example")
    assert (await caller(small, session.access_token)).email == "anna@acme.example"
    header, claims, signature = session.access_token.split(".")
    known = json.loads(base64.urlsafe_b64decode(claims + "=="))
    good = {"alg": "HS256", "typ": "JWT"}
    assert (await caller(small, forge(good, known))).role == identity.ROLE_MEMBER
    elsewhere = "another-key-of-the-tests-0123456789-abc"
    bad = {
        "no algorithm": unsigned({"alg": "none"}, known),
        "no algorithm, other case": unsigned({"alg": "None"}, known, signature),
        "another algorithm": forge({"alg": "HS512"}, known),
        "algorithm of another family": unsigned({"alg": "RS256"}, known, signature),
        "no header": unsigned({}, known, signature),
        "unknown crit": forge(good, known).replace(
            header, unsigned({"alg": "HS256", "crit": ["zzz"], "zzz": 1}, {}).split(".")[0]
        ),
        "key of the header": unsigned({"alg": "HS256", "jwk": {"kty": "oct", "k": "AA"}}, known, signature),
        "key id as path": unsigned({"alg": "HS256", "kid": "../../etc/passwd"}, known, signature),
        "another key": forge(good, known, elsewhere),
        "claims changed": f"{header}.{unsigned({}, known | {'sid': 'x'}).split('.')[1]}.{signature}",
        "no expiry": forge(good, {k: v for k, v in known.items() if k != "exp"}),
        "no subject": forge(good, {k: v for k, v in known.items() if k != "sub"}),
        "no audience": forge(good, {k: v for k, v in known.items() if k != "aud"}),
        "another audience": forge(good, known | {"aud": "elsewhere"}),
        "another issuer": forge(good, known | {"iss": "https://elsewhere.example"}),
        "a session that nobody has": forge(good, known | {"sid": "0199aaaa-0000-7000-8000-000000000000"}),
        "a session of another form": forge(good, known | {"sid": "' OR 1=1 --"}),
        "an expiry of another form": forge(good, known | {"exp": "tomorrow"}),
        "cut": session.access_token[:-4],
        "deeply nested": "." + base64.urlsafe_b64encode(b"[" * 4000).decode().rstrip("=") + ".x",
    }
    for what, token in bad.items():
        assert (await refused(small, token)).reason == "UNAUTHENTICATED", what
    expired = forge(good, known | {"exp": int(time.time()) - 60})
    assert (await refused(small, expired)).reason == "CREDENTIAL_EXPIRED"


async def test_crit_is_checked_under_a_good_signature(small: World) -> None:
    session = await new_user(small, "acme", "crit@acme.example")
    claims = json.loads(base64.urlsafe_b64decode(session.access_token.split(".")[1] + "=="))
    good = hmac_signed({"alg": "HS256"}, claims, SESSION_KEY.encode())
    assert (await caller(small, good)).email == "crit@acme.example"
    bad = hmac_signed({"alg": "HS256", "crit": ["zzz"], "zzz": 1}, claims, SESSION_KEY.encode())
    assert (await refused(small, bad)).reason == "UNAUTHENTICATED"


async def test_the_operator_key_is_known_and_nothing_like_it(small: World) -> None:
    assert (await caller(small, KEY)).credential == accounts.Caller.CREDENTIAL_BOOTSTRAP
    assert (await refused(small, KEY[:-1])).reason == "UNAUTHENTICATED"
