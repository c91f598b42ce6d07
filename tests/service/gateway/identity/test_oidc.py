"""Tokens of an OIDC issuer, whose keys come over HTTP from a server on loopback."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey
from locution.v1 import account_service_pb2 as accounts
from locution.v1 import administration_service_pb2 as administration
from locution.v1 import identity_pb2 as identity

from tests.service.gateway.client import reason
from tests.service.gateway.conftest import Gateway
from tests.service.gateway.identity.idp import Idp, serving_idp
from tests.service.gateway.identity.test_credentials import (
    caller,
    hmac_signed,
    refused,
    small_world,
    unsigned,
    until_reason,
)
from tests.service.gateway.identity.world import World


@pytest.fixture
async def small(api: Gateway) -> AsyncIterator[World]:
    async with small_world(api) as made:
        yield made


@pytest.fixture
async def idp(small: World) -> AsyncIterator[Idp]:
    """An issuer that speaks for acme."""
    async with serving_idp() as served:
        await allow(small, served)
        yield served


async def allow(world: World, idp: Idp, **changed: object) -> administration.Issuer:
    fields: dict[str, object] = {
        "issuer": idp.url,
        "audience": "acme",
        "jwks_uri": idp.jwks_uri,
        "algorithm": "RS256",
        "default_role": identity.ROLE_MEMBER,
        "role_claim": "locution_role",
    }
    issuer = administration.Issuer(**(fields | changed))  # type: ignore[arg-type]
    operator = await world.administration()
    return await operator.CreateIssuer(administration.CreateIssuerRequest(parent="tenants/acme", issuer=issuer))


async def test_a_token_speaks_for_its_subject(small: World, idp: Idp) -> None:
    who = await caller(small, idp.token(email="anna@acme.example"))
    assert who.credential == accounts.Caller.CREDENTIAL_OIDC
    assert (who.tenant, who.role, who.email) == ("tenants/acme", identity.ROLE_MEMBER, "anna@acme.example")
    assert who.subject.startswith("oidc:")
    assert who.subject.endswith(":anna")
    admin = await caller(small, idp.token(locution_role=["viewer", "admin"]))
    assert admin.role == identity.ROLE_ADMIN
    above = await caller(small, idp.token(locution_role="operator"))
    assert above.role == identity.ROLE_MEMBER


async def test_bad_tokens_are_refused(small: World, idp: Idp) -> None:
    stranger = RSAKey.generate_key(2048, {"kid": "one"})
    claims = {"iss": idp.url, "aud": "acme", "sub": "anna", "exp": int(time.time()) + 300}
    public = idp.keys["one"].as_pem(private=False)
    bad = {
        "another audience": idp.token(aud="elsewhere"),
        "no audience": idp.token(aud=None),
        "no subject": idp.token(sub=None),
        "an empty subject": idp.token(sub=""),
        "a huge subject": idp.token(sub="x" * 300),
        "no expiry": idp.token(exp=None),
        "another algorithm of the family": idp.token(alg="RS512"),
        "another key under the same id": jwt.encode({"alg": "RS256", "kid": "one"}, claims, stranger),
        "the public key as a secret": hmac_signed({"alg": "HS256", "kid": "one"}, claims, public),
        "no algorithm": unsigned({"alg": "none", "kid": "one"}, claims),
        "no key id": jwt.encode({"alg": "RS256"}, claims, idp.keys["one"]),
        "an unknown key id": jwt.encode({"alg": "RS256", "kid": "two"}, claims, stranger),
        "a key id as a path": jwt.encode({"alg": "RS256", "kid": "../../one"}, claims, stranger),
        "a key id as a URL": jwt.encode({"alg": "RS256", "kid": f"{idp.url}/jwks"}, claims, stranger),
        "another issuer": idp.token(iss="https://elsewhere.example"),
        "not yet good": idp.token(nbf=int(time.time()) + 600),
    }
    for what, token in bad.items():
        assert (await refused(small, token)).reason == "UNAUTHENTICATED", what
    assert (await refused(small, idp.token(exp=int(time.time()) - 60))).reason == "CREDENTIAL_EXPIRED"


async def test_keys_are_fetched_once_by_many(small: World, idp: Idp) -> None:
    idp.slow = 0.3
    token = idp.token()
    await asyncio.gather(*[caller(small, token) for _ in range(20)])
    assert idp.requests == 1


async def test_unknown_key_ids_do_not_drive_fetches(small: World, idp: Idp) -> None:
    await caller(small, idp.token())
    stranger = RSAKey.generate_key(2048, {})
    claims = {"iss": idp.url, "aud": "acme", "sub": "anna", "exp": int(time.time()) + 300}
    tokens = [jwt.encode({"alg": "RS256", "kid": f"invented-{n}"}, claims, stranger) for n in range(20)]
    await asyncio.gather(*[refused(small, token) for token in tokens])
    assert idp.requests <= 2


async def test_while_the_issuer_is_down_its_last_keys_are_used(small: World, idp: Idp) -> None:
    await caller(small, idp.token())
    idp.broken = True
    assert (await caller(small, idp.token())).role == identity.ROLE_MEMBER
    claims = {"iss": idp.url, "aud": "acme"}
    fresh = await refused(small, jwt.encode({"alg": "RS256", "kid": "new"}, claims, idp.keys["one"]))
    assert fresh.reason == "UNAUTHENTICATED"
    assert (await caller(small, idp.token())).role == identity.ROLE_MEMBER


async def test_without_any_keys_the_answer_is_to_try_again(small: World, idp: Idp) -> None:
    idp.broken = True
    assert (await refused(small, idp.token())).reason == "DEPENDENCY_UNAVAILABLE"


async def test_elliptic_curves_too(small: World) -> None:
    async with serving_idp() as other:
        other.add("ec", ECKey.generate_key("P-256", {"kid": "ec", "use": "sig"}))
        await allow(small, other, algorithm="ES256")
        assert (await caller(small, other.token("ec", alg="ES256"))).role == identity.ROLE_MEMBER
        assert (await refused(small, other.token("one"))).reason == "UNAUTHENTICATED"


async def test_an_issuer_that_is_taken_back_is_refused_at_once(small: World) -> None:
    async with serving_idp() as other:
        issuer = await allow(small, other)
        token = other.token()
        await caller(small, token)
        operator = await small.administration()
        await operator.DeleteIssuer(administration.DeleteIssuerRequest(name=issuer.name))
        await until_reason(small, token, "UNAUTHENTICATED")


async def test_issuers_are_checked_when_they_are_allowed(small: World, idp: Idp) -> None:
    wrong: list[dict[str, object]] = [
        {"algorithm": "HS256"},
        {"algorithm": "none"},
        {"jwks_uri": "http://example.com/jwks"},
        {"jwks_uri": "file:///etc/passwd"},
        {"issuer": "not a url"},
        {"audience": ""},
        {"default_role": identity.ROLE_OPERATOR},
    ]
    for changed in wrong:
        assert await reason(allow(small, idp, **({"audience": "x"} | changed))) == "INVALID_REQUEST", changed
    assert await reason(allow(small, idp)) == "ISSUER_EXISTS"
