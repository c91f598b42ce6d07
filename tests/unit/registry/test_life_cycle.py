"""Disable, enable, default, qualification and the file check."""

from __future__ import annotations

import pytest
from locution_common.errors import Reason
from locution_registry.core.check_all_files import CheckAllFiles
from locution_registry.core.check_files import CheckFiles
from locution_registry.core.disable_model import DisableModel
from locution_registry.core.enable_model import EnableModel
from locution_registry.core.get_model import GetModel
from locution_registry.core.record_qualification import RecordQualification
from locution_registry.core.register_model import RegisterModel
from locution_registry.core.set_default_model import SetDefaultModel
from locution_registry.domain.errors import ModelsRootUnavailable
from locution_registry.domain.models import REGISTRY, Actor, Model, ModelPath, Qualification, State

from tests.support.refusals import refusal
from tests.unit.registry.registry_fakes import MemoryFolders, MemoryStore
from tests.unit.registry.store_conformance import RUN_TIME

ACTOR = Actor("admin")
A, B, NONE = ModelPath("set", "a"), ModelPath("set", "b"), ModelPath("set", "none")
QUALIFICATION = Qualification(True, 0.1, 0.1, 1000, 0, RUN_TIME)


class Registry:
    """The use cases over one store, with models A (the default) and B."""

    def __init__(self, store: MemoryStore, folders: MemoryFolders) -> None:
        self.store = store
        self.folders = folders
        self.check = CheckFiles(store, folders)
        self.register = RegisterModel(store, folders)
        self.disable = DisableModel(store)
        self.enable = EnableModel(store, folders)
        self.set_default = SetDefaultModel(store, self.check)
        self.qualification = RecordQualification(store)
        self.check_all = CheckAllFiles(store, folders, self.check, self.enable)

    async def get(self, path: ModelPath) -> Model:
        return await GetModel(self.store).run(path)

    def actions(self) -> list[str]:
        return [line.action for line in self.store.audit if line.action != "register"]


@pytest.fixture
async def registry(store: MemoryStore, folders: MemoryFolders) -> Registry:
    """A registry with two models."""
    registry = Registry(store, folders)
    for path in (A, B):
        folders.put(path, one=f"{path} one", two=f"{path} two")
        await registry.register.run(path, ACTOR, make_default=False, validate_only=False)
    folders.digested.clear()
    return registry


async def test_unknown_models_are_not_found(registry: Registry) -> None:
    for call in (
        registry.get(NONE),
        registry.disable.run(NONE, "x", ACTOR),
        registry.enable.run(NONE, ACTOR),
        registry.set_default.run(NONE, ACTOR),
        registry.qualification.run(NONE, "0" * 64, QUALIFICATION, ACTOR),
    ):
        with refusal(Reason.MODEL_NOT_FOUND):
            await call


async def test_disabling_keeps_the_reason_and_the_default(registry: Registry) -> None:
    model = await registry.disable.run(A, "licence", ACTOR)
    assert (model.state, model.state_reason, model.is_default) == (State.DISABLED, "licence", True)
    assert await registry.get(A) == model
    await registry.disable.run(A, "licence", ACTOR)
    await registry.disable.run(A, "another reason", ACTOR)
    assert registry.actions() == ["disable", "disable"]


async def test_enabling_digests_every_file(registry: Registry) -> None:
    await registry.disable.run(A, "licence", ACTOR)
    model = await registry.enable.run(A, ACTOR)
    assert (model.state, model.state_reason) == (State.ENABLED, None)
    assert registry.folders.digested == [A]
    assert registry.actions() == ["disable", "enable"]


async def test_enabling_what_is_enabled_changes_nothing(registry: Registry) -> None:
    await registry.enable.run(A, ACTOR)
    assert registry.actions() == []


async def test_enabling_accepts_the_same_content_of_another_time(registry: Registry) -> None:
    registry.folders.write(A, "one", "set/a one")
    assert not (await registry.check.run(await registry.get(A))).usable
    assert (await registry.enable.run(A, ACTOR)).usable
    assert (await registry.check.run(await registry.get(A))).usable


@pytest.mark.parametrize("state", [State.ENABLED, State.DISABLED])
async def test_enabling_other_content_is_refused_and_opens_the_way_to_register_again(
    registry: Registry, state: State
) -> None:
    if state is State.DISABLED:
        await registry.disable.run(A, "licence", ACTOR)
    registry.folders.write(A, "two", "set/a TWO")
    with refusal(Reason.MODEL_CHECKSUM_MISMATCH, match="two has other content"):
        await registry.enable.run(A, ACTOR)
    assert (await registry.get(A)).state_reason == "two has other content"
    assert (await registry.get(A)).state is State.INVALID
    again = await registry.register.run(A, ACTOR, make_default=False, validate_only=False)
    assert again.usable


async def test_enabling_missing_or_added_files_is_refused(registry: Registry) -> None:
    del registry.folders.contents[A]["one"]
    registry.folders.write(A, "three", "x")
    with refusal(Reason.MODEL_CHECKSUM_MISMATCH, match="one is missing, and 1 more"):
        await registry.enable.run(A, ACTOR)
    registry.folders.links.add(B)
    with refusal(Reason.MODEL_CHECKSUM_MISMATCH, match="reached by a link"):
        await registry.enable.run(B, ACTOR)


async def test_the_default_moves(registry: Registry) -> None:
    assert (await registry.set_default.run(B, ACTOR)).is_default
    assert not (await registry.get(A)).is_default
    await registry.set_default.run(B, ACTOR)
    assert registry.actions() == ["clear_default", "set_default"]


@pytest.mark.parametrize("how", ["disabled", "lost"])
async def test_the_default_must_be_usable(registry: Registry, how: str) -> None:
    if how == "disabled":
        await registry.disable.run(B, "licence", ACTOR)
    else:
        del registry.folders.contents[B]
    with refusal(Reason.MODEL_NOT_USABLE):
        await registry.set_default.run(B, ACTOR)
    assert (await registry.get(A)).is_default


async def test_a_qualification_is_kept_for_exactly_these_files(registry: Registry) -> None:
    checksum = (await registry.get(A)).checksum
    assert (await registry.qualification.run(A, checksum.upper(), QUALIFICATION, ACTOR)).qualification == QUALIFICATION
    await registry.qualification.run(A, checksum, QUALIFICATION, ACTOR)
    assert registry.actions() == ["record_qualification"]
    with refusal(Reason.MODEL_CHECKSUM_MISMATCH):
        await registry.qualification.run(A, (await registry.get(B)).checksum, QUALIFICATION, ACTOR)


async def test_the_file_check_leaves_whole_models_alone(registry: Registry) -> None:
    await registry.check_all.run()
    assert (registry.actions(), registry.folders.digested) == ([], [])


async def test_the_file_check_notices_lost_files_and_their_return(registry: Registry) -> None:
    files = registry.folders.contents.pop(A)
    await registry.check_all.run()
    assert (await registry.get(A)).state is State.INVALID
    assert registry.folders.digested == []
    registry.folders.contents[A] = files
    await registry.check_all.run()
    assert (await registry.get(A)).usable
    assert registry.store.audit[-1].actor == REGISTRY


async def test_the_file_check_restores_what_only_got_new_times(registry: Registry) -> None:
    registry.folders.write(A, "one", "set/a one")
    await registry.check_all.run()
    assert (await registry.get(A)).usable
    assert registry.actions() == ["invalidate", "enable"]


async def test_the_file_check_restores_the_same_files_as_often_as_they_return(registry: Registry) -> None:
    for _ in range(2):
        files = registry.folders.contents.pop(A)
        await registry.check_all.run()
        assert not (await registry.get(A)).usable
        registry.folders.contents[A] = files
        await registry.check_all.run()
        assert (await registry.get(A)).usable


async def test_the_file_check_digests_other_content_once(registry: Registry) -> None:
    registry.folders.write(A, "one", "SET/A ONE")
    for _ in range(3):
        await registry.check_all.run()
    assert registry.folders.digested == [A]
    assert (await registry.get(A)).state is State.INVALID
    assert (await registry.get(A)).state_reason == "one has other content"


async def test_the_file_check_leaves_disabled_models_to_the_administrator(registry: Registry) -> None:
    del registry.folders.contents[A]
    await registry.disable.run(A, "licence", ACTOR)
    await registry.check_all.run()
    assert (await registry.get(A)).state_reason == "licence"


async def test_a_disabling_during_the_file_check_stands(registry: Registry) -> None:
    registry.folders.write(A, "one", "set/a one")
    await registry.check.run(await registry.get(A))
    await registry.disable.run(A, "licence", ACTOR)
    await registry.enable.run(A, REGISTRY, even_disabled=False)
    assert (await registry.get(A)).state is State.DISABLED


async def test_the_file_check_stops_at_an_unmounted_root(registry: Registry) -> None:
    registry.folders.mounted = False
    with pytest.raises(ModelsRootUnavailable):
        await registry.check_all.run()
    assert registry.actions() == []
