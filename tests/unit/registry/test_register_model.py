"""A folder is registered once, enabled at once, and the first of its kind is the default."""

from __future__ import annotations

import pytest
from locution_common.errors import Reason
from locution_registry.core.disable_model import DisableModel
from locution_registry.core.register_model import RegisterModel
from locution_registry.domain.errors import ModelPathInvalid
from locution_registry.domain.models import Action, Actor, Kind, Model, ModelPath, Qualification, State

from tests.support.refusals import refusal
from tests.unit.registry.registry_fakes import ASR, DIARIZATION, MemoryFolders, MemoryStore
from tests.unit.registry.store_conformance import RUN_TIME

ACTOR = Actor("admin")
BASE, TINY, OTHER = ModelPath("whisper", "base"), ModelPath("whisper", "tiny"), ModelPath("pyannote", "x")


@pytest.fixture
def register(store: MemoryStore, folders: MemoryFolders) -> RegisterModel:
    for path in (BASE, TINY):
        folders.put(path, ASR)
    folders.put(OTHER, DIARIZATION)
    return RegisterModel(store, folders)


async def run(register: RegisterModel, path: ModelPath, default: bool = False, validate: bool = False) -> Model:
    return await register.run(path, ACTOR, make_default=default, validate_only=validate)


async def defaults(store: MemoryStore) -> list[str]:
    return [str(model.path) for model in await store.page(None, None, 10) if model.is_default]


async def test_it_is_enabled_at_once_with_what_was_found(register: RegisterModel, store: MemoryStore) -> None:
    model = await run(register, BASE)
    assert (model.state, model.state_reason, model.qualification) == (State.ENABLED, None, None)
    assert (model.layout, model.size_bytes, len(model.checksum)) == (ASR, len("whisper/base"), 64)
    assert model == await store.find(BASE)


async def test_the_first_of_a_kind_becomes_the_default(register: RegisterModel, store: MemoryStore) -> None:
    for path in (BASE, TINY, OTHER):
        await run(register, path)
    assert await defaults(store) == ["pyannote/x", "whisper/base"]


async def test_it_takes_the_default_if_asked(register: RegisterModel, store: MemoryStore) -> None:
    await run(register, BASE)
    assert (await run(register, TINY, default=True)).is_default
    assert await defaults(store) == ["whisper/tiny"]
    assert [(str(line.path), line.action) for line in store.audit] == [
        ("whisper/base", "register"),
        ("whisper/base", "clear_default"),
        ("whisper/tiny", "register"),
    ]


async def test_validating_registers_nothing(register: RegisterModel, store: MemoryStore) -> None:
    assert (await run(register, BASE, validate=True)).is_default
    assert await store.find(BASE) is None
    assert store.audit == []


async def test_validating_refuses_what_registering_would(register: RegisterModel) -> None:
    await run(register, BASE)
    with refusal(Reason.MODEL_ALREADY_REGISTERED):
        await run(register, BASE, validate=True)


async def test_the_same_files_are_registered_once(register: RegisterModel, store: MemoryStore) -> None:
    await run(register, BASE)
    with refusal(Reason.MODEL_ALREADY_REGISTERED, match="have not changed"):
        await run(register, BASE)
    assert len(store.audit) == 1


async def test_a_folder_must_be_there(register: RegisterModel) -> None:
    with pytest.raises(ModelPathInvalid):
        await run(register, ModelPath("whisper", "none"))


async def test_other_files_replace_the_model_and_its_qualification(
    register: RegisterModel, store: MemoryStore, folders: MemoryFolders
) -> None:
    first = await run(register, BASE)
    async with store.changing() as changes:
        await changes.save(
            first.judged(Qualification(True, 0.1, 0.1, 1000, 0, RUN_TIME)).invalid("x"),
            Action.RECORD_QUALIFICATION,
            ACTOR,
        )
    folders.write(BASE, "model", "other content")
    second = await run(register, BASE)
    assert second.checksum != first.checksum
    assert (second.state, second.qualification, second.is_default) == (State.ENABLED, None, True)
    assert store.audit[-1].action == "replace"


async def test_a_replacement_of_another_kind_keeps_one_default_a_kind(
    register: RegisterModel, store: MemoryStore, folders: MemoryFolders
) -> None:
    await run(register, BASE)
    await run(register, OTHER)
    folders.put(BASE, DIARIZATION, config="x")
    assert not (await run(register, BASE)).is_default
    assert await store.of_kind(Kind.ASR) == []
    assert await defaults(store) == ["pyannote/x"]


async def test_what_an_administrator_disabled_is_not_registered_around_him(
    register: RegisterModel, store: MemoryStore, folders: MemoryFolders
) -> None:
    await run(register, BASE)
    await DisableModel(store).run(BASE, "licence", ACTOR)
    folders.write(BASE, "model", "other content")
    with refusal(Reason.MODEL_ALREADY_REGISTERED, match="licence"):
        await run(register, BASE)
