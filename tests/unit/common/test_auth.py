from __future__ import annotations

import asyncio
import hmac

import pytest
from locution_common import auth
from locution_common.auth import ServicePrincipal, ServiceTokenAuthenticator, bearer_token, caller, set_caller
from locution_common.errors import Refused


@pytest.mark.parametrize(
    ("metadata", "token"),
    [
        ([("authorization", "Bearer abc")], "abc"),
        ([("authorization", "bearer  abc ")], "abc"),
        ([("authorization", "Basic abc")], ""),
        ([("authorization", "abc")], ""),
        ([("authorization", b"Bearer abc")], ""),
        ([("authorization", "Bearer a"), ("authorization", "Bearer b")], ""),
        ([], ""),
    ],
)
def test_bearer_tokens(metadata: auth.Metadata, token: str) -> None:
    assert bearer_token(metadata) == token


async def test_either_token_is_valid_while_one_is_rotated() -> None:
    authenticator = ServiceTokenAuthenticator("old", "new")
    for token in ("old", "new"):
        assert await authenticator.authenticate("m", [("authorization", f"Bearer {token}")]) == ServicePrincipal()


@pytest.mark.parametrize("header", ["", "Bearer old", "Bearer wrong", "Bearer "])
async def test_every_token_takes_one_path(header: str, monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[tuple[int, int]] = []
    real = hmac.compare_digest

    def counted(one: bytes, two: bytes) -> bool:
        compared.append((len(one), len(two)))
        return real(one, two)

    monkeypatch.setattr(hmac, "compare_digest", counted)
    authenticator = ServiceTokenAuthenticator("old", "new")
    metadata = [("authorization", header)] if header else []
    try:
        await authenticator.authenticate("m", metadata)
    except Refused:
        assert header != "Bearer old"
    assert compared == [(32, 32), (32, 32)]


@pytest.mark.parametrize("tokens", [(), ("",), ("a", "")])
def test_empty_tokens_are_refused(tokens: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="empty"):
        ServiceTokenAuthenticator(*tokens)


async def test_the_caller_belongs_to_its_task() -> None:
    async def call(name: str) -> str:
        set_caller(ServicePrincipal(name))
        await asyncio.sleep(0)
        return caller(ServicePrincipal).name

    both = await asyncio.gather(asyncio.create_task(call("a")), asyncio.create_task(call("b")))
    assert tuple(both) == ("a", "b")
    with pytest.raises(LookupError):
        caller()


async def test_a_caller_of_another_kind_is_an_error() -> None:
    async def call() -> None:
        set_caller("somebody")
        assert caller() == "somebody"
        with pytest.raises(TypeError, match="str"):
            caller(ServicePrincipal)

    await asyncio.create_task(call())
