"""Ports keep their defaults until somebody else has them."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from locution_local import ports
from locution_local.errors import StackError


@contextmanager
def _taken(host: str = "127.0.0.1", port: int = 0) -> Iterator[int]:
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen()
        yield listener.getsockname()[1]


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0"])
def test_a_listener_is_noticed(host: str) -> None:
    with _taken(host) as port:
        assert not ports.free(port)
    assert ports.free(port)


def test_a_recorded_port_is_kept_while_it_is_free() -> None:
    with _taken() as port:
        pass
    assert ports.settle("registry", {"registry": port}) == port


def test_a_taken_port_is_replaced() -> None:
    with _taken() as port:
        moved = ports.settle("registry", {"registry": port})
    assert moved != port
    assert ports.free(moved)
    assert ports.free(moved + ports.METRICS)


def test_a_port_whose_companion_is_taken_is_replaced() -> None:
    with _taken() as port:
        wanted = port - ports.METRICS
        assert ports.settle("registry", {"registry": wanted}) != wanted


def test_a_stack_that_starts_beside_another_leaves_it_the_defaults() -> None:
    with _taken(port=ports.TURN), ports.turn() as defaults:
        assert not defaults
    assert ports.settle("registry", {}, defaults=False) != ports.default("registry")
    assert ports.settle("registry", {"registry": 24000}, defaults=False) == 24000
    with ports.turn() as defaults, ports.turn() as others:
        assert (defaults, others) == (True, False)


def test_the_gateway_is_where_it_was_told_to_be(monkeypatch: pytest.MonkeyPatch) -> None:
    with _taken() as port:
        monkeypatch.setenv("LOCUTION_PORT", str(port))
        with pytest.raises(StackError, match=f"LOCUTION_PORT={port}"):
            ports.settle("gateway", {})
    assert ports.settle("gateway", {"gateway": 1}) == port


def test_defaults_do_not_collide() -> None:
    names = [*ports.DEFAULTS, *("asr", "asr-2", "asr-16")]
    used = [ports.default(name) + distance for name in names for distance in ports.companions(name)]
    assert len(used) == len(set(used))
    assert max(used) < 65536
    assert ports.default("gateway") == 50051
