"""A job gets its choice, else the default, else the next, and is told why."""

from __future__ import annotations

import pytest
from locution_common.errors import Reason
from locution_registry.core.check_files import CheckFiles
from locution_registry.core.disable_model import DisableModel
from locution_registry.core.register_model import RegisterModel
from locution_registry.core.resolve_model import Resolution, ResolveModel
from locution_registry.domain.errors import ModelsRootUnavailable
from locution_registry.domain.models import REGISTRY, Actor, Kind, ModelPath, State

from tests.support.refusals import refusal
from tests.unit.registry.registry_fakes import DIARIZATION, MemoryFolders, MemoryStore

ACTOR = Actor("admin")
A, B, C, OTHER = (ModelPath("set", name) for name in ("z-first", "b", "c", "other"))


@pytest.fixture
async def resolve(store: MemoryStore, folders: MemoryFolders) -> ResolveModel:
    """Models A (the default), B and C, registered in that order a minute apart, and one of the other kind."""
    register = RegisterModel(store, folders)
    for path in (A, B, C):
        folders.put(path)
        await register.run(path, ACTOR, make_default=False, validate_only=False)
        store.clock.advance(60)
    folders.put(OTHER, DIARIZATION)
    await register.run(OTHER, ACTOR, make_default=False, validate_only=False)
    return ResolveModel(store, CheckFiles(store, folders))


async def disable(store: MemoryStore, *paths: ModelPath) -> None:
    for path in paths:
        await DisableModel(store).run(path, f"no {path.model}", ACTOR)


def chosen(resolution: Resolution) -> tuple[ModelPath, str | None]:
    return resolution.model.path, resolution.fallback


async def test_the_default_when_nothing_is_chosen(resolve: ResolveModel) -> None:
    assert chosen(await resolve.run(Kind.ASR, None)) == (A, None)
    assert chosen(await resolve.run(Kind.DIARIZATION, None)) == (OTHER, None)


async def test_the_choice_when_it_is_usable(resolve: ResolveModel) -> None:
    assert chosen(await resolve.run(Kind.ASR, C)) == (C, None)


async def test_the_default_when_the_choice_is_not_usable(resolve: ResolveModel, store: MemoryStore) -> None:
    await disable(store, C)
    assert chosen(await resolve.run(Kind.ASR, C)) == (A, "set/z-first is used: set/c is disabled: no c")


async def test_the_oldest_when_the_default_is_not_usable_either(resolve: ResolveModel, store: MemoryStore) -> None:
    await disable(store, A, C)
    path, why = chosen(await resolve.run(Kind.ASR, C))
    assert (path, why) == (B, "set/b is used: set/c is disabled: no c; set/z-first is disabled: no z-first")


async def test_lost_files_take_a_model_out_of_use(
    resolve: ResolveModel, store: MemoryStore, folders: MemoryFolders
) -> None:
    del folders.contents[A]
    assert chosen(await resolve.run(Kind.ASR, None)) == (B, "set/b is used: set/z-first is invalid: model is missing")
    lost = await store.find(A)
    assert lost is not None
    assert (lost.state, lost.state_reason, lost.is_default) == (State.INVALID, "model is missing", True)
    assert (store.audit[-1].action, store.audit[-1].actor) == ("invalidate", REGISTRY)
    await resolve.run(Kind.ASR, None)
    assert [line.action for line in store.audit].count("invalidate") == 1


@pytest.mark.parametrize("change", ["content", "touched", "added", "link"])
async def test_changed_files_take_a_model_out_of_use(
    resolve: ResolveModel, folders: MemoryFolders, change: str
) -> None:
    if change == "link":
        folders.links.add(A)
    else:
        name = "new" if change == "added" else "model"
        folders.write(A, name, "set/z-first" if change == "touched" else "other")
    path, why = chosen(await resolve.run(Kind.ASR, A))
    assert path == B
    assert "set/z-first is invalid" in str(why)


async def test_an_unknown_choice_is_not_found(resolve: ResolveModel) -> None:
    with refusal(Reason.MODEL_NOT_FOUND):
        await resolve.run(Kind.ASR, ModelPath("set", "none"))


async def test_a_choice_of_another_kind_is_not_usable(resolve: ResolveModel) -> None:
    with refusal(Reason.MODEL_NOT_USABLE, match="of kind diarization, not asr"):
        await resolve.run(Kind.ASR, OTHER)


async def test_none_usable_says_why(resolve: ResolveModel, store: MemoryStore) -> None:
    await disable(store, A, B, C)
    with refusal(Reason.MODEL_NONE_USABLE, match="no c"):
        await resolve.run(Kind.ASR, None)


async def test_none_registered_says_so() -> None:
    store = MemoryStore()
    with refusal(Reason.MODEL_NONE_USABLE, match="none is registered"):
        await ResolveModel(store, CheckFiles(store, MemoryFolders())).run(Kind.ASR, None)


async def test_an_unmounted_root_blames_no_model(
    resolve: ResolveModel, store: MemoryStore, folders: MemoryFolders
) -> None:
    folders.mounted = False
    with pytest.raises(ModelsRootUnavailable):
        await resolve.run(Kind.ASR, None)
    assert {model.state for model in await store.of_kind(Kind.ASR)} == {State.ENABLED}


async def test_a_check_does_not_undo_what_happened_meanwhile(
    resolve: ResolveModel, store: MemoryStore, folders: MemoryFolders
) -> None:
    stale = await store.find(A)
    assert stale is not None
    await disable(store, A)
    del folders.contents[A]
    now = await CheckFiles(store, folders).run(stale)
    assert (now.state, now.state_reason) == (State.DISABLED, "no z-first")
