"""Ports keep their defaults until somebody else has them."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest
from locution_local import ports
from locution_local.errors import StackError

from tests.support.processes import free_port, free_ports
from tests.unit.local.conftest import ALONE


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
    assert ports.settle("registry", {"registry": port}, ALONE) == port


def test_a_taken_port_is_replaced() -> None:
    with _taken() as port:
        moved = ports.settle("registry", {"registry": port}, ALONE)
    assert moved != port
    assert ports.free(moved)
    assert ports.free(moved + ports.METRICS)


def test_a_port_whose_companion_is_taken_is_replaced() -> None:
    with _taken() as port:
        wanted = port - ports.METRICS
        assert ports.settle("registry", {"registry": wanted}, ALONE) != wanted


@pytest.fixture
def own_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reserve other ports than the stacks that this machine may be starting."""
    monkeypatch.setattr(ports, "TURN", free_port())
    (stop,) = free_ports(1, offset=200)
    monkeypatch.setattr(ports, "BLOCKS", [range(stop - 99, stop), range(stop + 101, stop + 200)])


@pytest.mark.usefixtures("own_turns")
def test_commands_that_run_at_the_same_time_choose_different_ports() -> None:
    with ports.turn() as first, ports.turn() as second:
        assert (first.defaults, second.defaults) == (True, False)
        chosen: list[dict[str, int]] = [{}, {}]
        for allowed, record in zip((replace(first, defaults=False), second), chosen, strict=True):
            for name in (*ports.DEFAULTS, "asr", "asr-2"):
                record[name] = ports.settle(name, record, allowed)
    used = [{port + distance for name, port in each.items() for distance in ports.companions(name)} for each in chosen]
    assert not used[0] & used[1]


@pytest.mark.usefixtures("own_turns")
def test_too_many_commands_at_the_same_time_are_refused() -> None:
    with ports.turn(), ports.turn(), pytest.raises(StackError, match="try again"), ports.turn():
        pass


def test_the_gateway_is_where_it_was_told_to_be(monkeypatch: pytest.MonkeyPatch) -> None:
    with _taken() as port:
        monkeypatch.setenv("LOCUTION_PORT", str(port))
        with pytest.raises(StackError, match=f"LOCUTION_PORT={port}"):
            ports.settle("gateway", {}, ALONE)
    assert ports.settle("gateway", {"gateway": 1}, ALONE) == port


def test_defaults_do_not_collide() -> None:
    names = [*ports.DEFAULTS, *("asr", "asr-2", "asr-16")]
    used = [ports.default(name) + distance for name in names for distance in ports.companions(name)]
    assert len(used) == len(set(used))
    assert max(used) < 65536
    assert ports.default("gateway") == 50051
