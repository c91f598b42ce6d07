"""What every ModelStore must do, fake or real: subclass, and give a fixture `store`."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from locution_common.errors import Reason, Refused
from locution_registry.core.check_files import CheckFiles
from locution_registry.core.register_model import RegisterModel
from locution_registry.core.set_default_model import SetDefaultModel
from locution_registry.domain.models import (
    Action,
    Actor,
    Kind,
    Layout,
    Model,
    ModelFile,
    ModelPath,
    Qualification,
    Replica,
    State,
)
from locution_registry.domain.ports import ModelStore

from tests.support.refusals import refusal
from tests.unit.registry.registry_fakes import ASR, DIARIZATION, MemoryFolders

ACTOR = Actor("admin@example.com")
RUN_TIME = datetime(2026, 11, 1, 12, tzinfo=UTC)


def model(text: str, layout: Layout = ASR) -> Model:
    """Return a model of two files that was never stored."""
    files = (ModelFile("a.bin", 3, "a" * 64, 1_700_000_000_123_456_789), ModelFile("b/c.json", 0, "b" * 64, 2))
    return Model(ModelPath.parse(text), layout, files)


async def save(store: ModelStore, *models: Model) -> list[Model]:
    """Store models, each in a change of its own."""
    saved = []
    for each in models:
        async with store.changing() as changes:
            saved.append(await changes.save(each, Action.REGISTER, ACTOR))
    return saved


async def found(store: ModelStore, text: str) -> Model:
    """Return a model that must exist."""
    model = await store.find(ModelPath.parse(text))
    assert model is not None
    return model


async def fail_after_saving(store: ModelStore) -> None:
    """Raise inside a change that has saved something."""
    async with store.changing() as changes:
        await changes.save(model("whisper/base"), Action.REGISTER, ACTOR)
        raise RuntimeError


class StoreConformance:
    """The obligations of the port."""

    async def test_what_is_saved_is_found_whole(self, store: ModelStore) -> None:
        qualification = Qualification(False, 0.125, 0.127, 1234, 3, RUN_TIME, 7.5)
        [saved] = await save(store, replace(model("whisper/base"), qualification=qualification, is_default=True))
        assert saved == await found(store, "whisper/base")
        assert replace(saved, create_time=None, update_time=None) == replace(
            model("whisper/base"), qualification=qualification, is_default=True
        )

    async def test_unknown_is_none(self, store: ModelStore) -> None:
        assert await store.find(ModelPath.parse("whisper/none")) is None
        async with store.changing() as changes:
            assert await changes.find(ModelPath.parse("whisper/none")) is None
            assert await changes.default_of(Kind.ASR) is None

    async def test_save_replaces_and_keeps_the_creation(self, store: ModelStore) -> None:
        [first] = await save(store, model("whisper/base"))
        [second] = await save(store, replace(first, state=State.DISABLED, state_reason="broken", files=()))
        assert second.create_time == first.create_time
        assert second.update_time is not None
        assert first.update_time is not None
        assert second.update_time >= first.update_time
        assert (second.state, second.state_reason, second.files) == (State.DISABLED, "broken", ())

    async def test_an_error_undoes_the_change(self, store: ModelStore) -> None:
        with pytest.raises(RuntimeError):
            await fail_after_saving(store)
        assert await store.find(ModelPath.parse("whisper/base")) is None

    async def test_a_change_that_is_not_kept_leaves_nothing(self, store: ModelStore) -> None:
        async with store.changing(keep=False) as changes:
            saved = await changes.save(model("whisper/base"), Action.REGISTER, ACTOR)
            assert saved.create_time is not None
            assert await changes.find(saved.path) == saved
        assert await store.find(saved.path) is None

    async def test_of_kind_gives_the_default_then_the_oldest(self, store: ModelStore) -> None:
        await save(
            store,
            model("z/oldest"),
            model("p/other", DIARIZATION),
            model("a/newer"),
            replace(model("m/default"), is_default=True),
        )
        paths = [str(each.path) for each in await store.of_kind(Kind.ASR)]
        assert paths[0] == "m/default"
        assert set(paths) == {"m/default", "z/oldest", "a/newer"}
        times = [each.create_time for each in await store.of_kind(Kind.ASR)][1:]
        assert times == sorted(times, key=str)

    async def test_pages_go_on_after_the_last_path(self, store: ModelStore) -> None:
        names = ["B/x", "a/Z", "a/a", "a/b-1", "a/b.1", "a/b_1", "a.b/c", "b/a"]
        await save(store, *(model(name) for name in names))
        seen: list[ModelPath] = []
        while page := await store.page(None, seen[-1] if seen else None, 3):
            assert len(page) <= 3
            seen += [each.path for each in page]
        assert seen == sorted(ModelPath.parse(name) for name in names)

    async def test_pages_are_of_one_kind_if_asked(self, store: ModelStore) -> None:
        await save(store, model("a/a"), model("b/b", DIARIZATION), model("c/c"))
        assert [str(each.path) for each in await store.page(Kind.ASR, None, 10)] == ["a/a", "c/c"]
        assert [str(each.path) for each in await store.page(Kind.DIARIZATION, None, 10)] == ["b/b"]

    async def test_replicas_are_counted_until_their_reports_expire(self, store: ModelStore) -> None:
        await save(store, model("a/a"), model("a/b"))
        both = [ModelPath.parse("a/a"), ModelPath.parse("a/b")]
        await store.report_serving(Replica("one"), Kind.ASR, both, 60)
        await store.report_serving(Replica("two"), Kind.ASR, both[:1], 60)
        await store.report_serving(Replica("two"), Kind.ASR, both[:1], 60)
        assert [each.serving_replicas for each in await store.page(None, None, 10)] == [2, 1]
        await store.report_serving(Replica("one"), Kind.ASR, both[1:], 60)
        assert [each.serving_replicas for each in await store.of_kind(Kind.ASR)] == [1, 1]
        await store.report_serving(Replica("two"), Kind.ASR, [], 60)
        assert (await found(store, "a/a")).serving_replicas == 0

    async def test_a_silent_replica_is_forgotten(self, store: ModelStore) -> None:
        await save(store, model("a/a"))
        await store.report_serving(Replica("one"), Kind.ASR, [ModelPath.parse("a/a")], 0.2)
        await store.report_serving(Replica("two"), Kind.ASR, [ModelPath.parse("a/a")], 3600)
        assert (await found(store, "a/a")).serving_replicas == 2
        await self.pass_time(store, 0.2)
        deadline = time.monotonic() + 60
        while (await found(store, "a/a")).serving_replicas != 1:
            assert time.monotonic() < deadline
            await asyncio.sleep(0.02)

    async def test_kinds_are_reported_apart(self, store: ModelStore) -> None:
        await save(store, model("a/a"), model("p/p", DIARIZATION))
        await store.report_serving(Replica("one"), Kind.ASR, [ModelPath.parse("a/a")], 60)
        await store.report_serving(Replica("one"), Kind.DIARIZATION, [ModelPath.parse("p/p")], 60)
        assert [each.serving_replicas for each in await store.page(None, None, 10)] == [1, 1]

    @pytest.mark.parametrize("told", ["a/none", "p/p"])
    async def test_a_report_of_what_is_no_model_of_the_kind_changes_nothing(self, store: ModelStore, told: str) -> None:
        await save(store, model("a/a"), model("p/p", DIARIZATION))
        with refusal(Reason.MODEL_NOT_FOUND):
            await store.report_serving(Replica("one"), Kind.ASR, [ModelPath.parse("a/a"), ModelPath.parse(told)], 60)
        assert [each.serving_replicas for each in await store.page(None, None, 10)] == [0, 0]

    async def test_of_two_registrations_at_once_one_wins(self, store: ModelStore) -> None:
        folders = MemoryFolders()
        folders.put(ModelPath.parse("a/a"))
        register = RegisterModel(store, folders)
        results = await asyncio.gather(
            *(register.run(ModelPath.parse("a/a"), ACTOR, make_default=True, validate_only=False) for _ in range(8)),
            return_exceptions=True,
        )
        assert sum(isinstance(result, Model) for result in results) == 1
        refusals = [result.reason for result in results if isinstance(result, Refused)]
        assert refusals == [Reason.MODEL_ALREADY_REGISTERED] * 7

    async def test_defaults_set_at_once_leave_exactly_one(self, store: ModelStore) -> None:
        folders, paths = MemoryFolders(), [ModelPath.parse(f"a/w{number}") for number in range(8)]
        for path in paths:
            folders.put(path)
        register = RegisterModel(store, folders)
        await asyncio.gather(*(register.run(path, ACTOR, make_default=False, validate_only=False) for path in paths))
        assert [each.is_default for each in await store.of_kind(Kind.ASR)] == [True] + [False] * 7
        move = SetDefaultModel(store, CheckFiles(store, folders))
        results = await asyncio.gather(*(move.run(path, ACTOR) for path in paths))
        assert all(result.is_default for result in results)
        assert [each.is_default for each in await store.of_kind(Kind.ASR)] == [True] + [False] * 7

    async def pass_time(self, store: ModelStore, seconds: float) -> None:
        """Let the store's time pass, where it does not by itself."""
