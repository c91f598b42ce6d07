"""Ports keep their defaults until somebody else has them."""

from __future__ import annotations

import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace

import pytest
from locution_local import ports
from locution_local.errors import StackError

from tests.support.processes import PORTS as TEST_PORTS
from tests.support.processes import free_port, free_ports
from tests.unit.local.conftest import ALONE

NAMES = (*ports.DEFAULTS, "asr", "asr-2")
DEFAULTS = {name: ports.default(name) for name in NAMES}


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


def _settled(recorded: Mapping[str, int], allowed: ports.Turn) -> dict[str, int]:
    record = dict(recorded)
    for name in NAMES:
        record[name] = ports.settle(name, record, allowed)
    return record


def _used(record: Mapping[str, int]) -> set[int]:
    return {port + distance for name, port in record.items() for distance in ports.companions(name)}


@pytest.mark.usefixtures("own_turns")
def test_commands_that_run_at_the_same_time_choose_different_ports() -> None:
    with ports.turn({}) as first, ports.turn({}) as second:
        assert (first.defaults, second.defaults) == (True, False)
        chosen = [_settled({}, replace(first, defaults=False)), _settled({}, second)]
    assert not _used(chosen[0]) & _used(chosen[1])


@pytest.mark.usefixtures("own_turns")
def test_of_two_records_of_the_same_ports_one_is_kept_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in two checkouts that each ran alone."""
    monkeypatch.setattr(ports, "free", lambda port: True)
    with ports.turn({}) as alone:
        in_a_block = _settled({}, replace(alone, defaults=False))
    for recorded in (DEFAULTS, in_a_block):
        with ports.turn(recorded) as first, ports.turn(recorded) as second:
            assert _settled(recorded, first) == recorded
            assert not _used(_settled(recorded, second)) & _used(recorded)
        with ports.turn(recorded) as again:
            assert _settled(recorded, again) == recorded


@pytest.mark.usefixtures("own_turns")
def test_a_stack_beside_the_defaults_leaves_them_to_others() -> None:
    with ports.turn({}) as alone:
        beside = _settled({}, replace(alone, defaults=False))
    with ports.turn(beside), ports.turn(DEFAULTS) as other:
        assert other.defaults


def test_a_port_that_no_command_chooses_is_kept() -> None:
    """LOCUTION_PORT named it once."""
    (port,) = free_ports(1, offset=ports.METRICS)
    assert ports.settle("gateway", {"gateway": port}, replace(ALONE, defaults=False)) == port


def test_a_block_has_room_for_a_stack_of_every_replica() -> None:
    record: dict[str, int] = {}
    for name in (*ports.DEFAULTS, "asr", *(f"asr-{number}" for number in range(2, 17))):
        record[name] = ports.settle(name, record, replace(ALONE, defaults=False))
    assert len(_used(record)) == 2 * len(record) - 1  # all but Postgres have a companion


def test_blocks_are_clear_of_each_other_and_of_the_defaults() -> None:
    distances = {distance for name in NAMES for distance in ports.companions(name)}
    areas = [
        {*block, block.stop, *(port + distance for port in block for distance in distances)} for block in ports.BLOCKS
    ]
    areas.append({ports.TURN, *_used({**DEFAULTS, "asr-16": ports.default("asr-16")})})
    assert sum(map(len, areas)) == len(set().union(*areas))
    assert len(ports.BLOCKS) > 10


def test_ports_of_tests_are_not_the_stacks() -> None:
    """Drawn with every offset that tests use, but the S3 server's, whose gRPC ports lie among the stack's."""
    area = {port + distance for port in TEST_PORTS for distance in (0, ports.METRICS, 2 * ports.METRICS)}
    blocks = {port for block in ports.BLOCKS for port in (*block, block.stop)}
    assert not area & (_used(DEFAULTS) | blocks)


@pytest.mark.usefixtures("own_turns")
def test_too_many_commands_at_the_same_time_are_refused() -> None:
    with ports.turn({}), ports.turn({}), pytest.raises(StackError, match="try again"), ports.turn({}):
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
