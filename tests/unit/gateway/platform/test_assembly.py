"""Features find what earlier ones provide, and the settings that their process has."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from types import SimpleNamespace
from typing import Any, Protocol, cast

import pytest
from locution_gateway.jobs.settings import JobSettings
from locution_gateway.platform.assembly import Assembly
from locution_gateway.voices.settings import VoiceSettings


class Port(Protocol):
    def answer(self) -> int: ...


class Part:
    def answer(self) -> int:
        return 42


def assembly(settings: object = None) -> Assembly[Any]:
    context = SimpleNamespace(settings=settings, stopping=asyncio.Event(), clock=None)
    return Assembly(AsyncExitStack(), cast("Any", context))


def test_a_part_is_found_under_its_class_or_the_port_it_serves() -> None:
    house = assembly()
    part = house.provide(Part())
    assert house.need(Part) is part
    port = house.provide(Part(), Port)
    assert house.need(Port) is port


def test_what_no_feature_provides_is_missing() -> None:
    with pytest.raises(KeyError):
        assembly().need(Part)


def test_settings_are_those_of_the_process() -> None:
    house = assembly(JobSettings(job_retention_seconds=3600))
    assert house.settings(JobSettings).job_retention_seconds == 3600
    with pytest.raises(TypeError, match="VoiceSettings"):
        house.settings(VoiceSettings)


async def test_tasks_run_until_the_process_stops() -> None:
    house, rounds = assembly(), 0

    async def work() -> None:
        nonlocal rounds
        rounds += 1
        if rounds == 3:
            house.context.stopping.set()

    house.every("work", 0.0, work)
    await asyncio.wait_for(house.service().tasks["work"](), 30)
    assert rounds == 3


async def test_servicers_are_named_and_added() -> None:
    house, added = assembly(), list[object]()
    servicer, server = object(), object()
    house.serve("locution.v1.EchoService", lambda *both: added.append(both), servicer)
    service = house.service()
    assert service.names == ["locution.v1.EchoService"]
    service.servicers[0](cast("Any", server))
    assert added == [(servicer, server)]
