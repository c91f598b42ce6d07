"""Addresses of services are read as people write them, and a malformed one is refused before anything starts."""

from __future__ import annotations

import socket

import pytest
from locution_common.addresses import checked, is_target, places, resolve, target


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("asr:50051", [[("asr", 50051)]]),
        ("dns:///asr:50051", [[("asr", 50051)]]),
        ("a:1, b:2", [[("a", 1), ("b", 2)]]),
        ("pods:1;service:1", [[("pods", 1)], [("service", 1)]]),
        ("dns:///pods:1;dns:///service:1", [[("pods", 1)], [("service", 1)]]),
        ("[::1]:5;127.0.0.1:6", [[("::1", 5)], [("127.0.0.1", 6)]]),
    ],
)
def test_forms(text: str, expected: list[list[tuple[str, int]]]) -> None:
    assert places(text) == expected
    assert not is_target(text)


@pytest.mark.parametrize(
    "text", ["", " ", ",", ";", "asr", "asr:", ":50051", "asr:0", "asr:65536", "asr:http", "a:1,b"]
)
def test_a_malformed_address_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="host"):
        checked(text)


def test_a_list_of_both_families_is_refused() -> None:
    with pytest.raises(ValueError, match="mixes IPv4 and IPv6"):
        checked("[::1]:5,127.0.0.1:6")


@pytest.mark.parametrize(
    ("code", "known"), [(socket.EAI_NONAME, []), (socket.EAI_AGAIN, None), (socket.EAI_FAIL, None)]
)
async def test_an_answer_that_did_not_come_is_no_answer(
    monkeypatch: pytest.MonkeyPatch, code: int, known: list[tuple[str, int]] | None
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise socket.gaierror(code, "as a resolver says it")  # a resolver that fails in each way cannot be had here

    monkeypatch.setattr(socket, "getaddrinfo", fail)
    assert await resolve(("asr.invalid", 1)) == known


@pytest.mark.parametrize("text", ["unix:/run/asr", "ipv4:10.0.0.1:5,10.0.0.2:5", "dns://10.0.0.10/asr:50051"])
def test_targets_of_grpc_are_left_to_grpc(text: str) -> None:
    assert checked(text) == text
    assert is_target(text)


def test_a_target_holds_one_family() -> None:
    assert target([("10.0.0.1", 5), ("fd00::1", 5), ("10.0.0.2", 6)]) == "ipv4:10.0.0.1:5,10.0.0.2:6"
    assert target([("fd00::1", 5), ("fd00::2", 5)]) == "ipv6:[fd00::1]:5,[fd00::2]:5"
