"""Pages and their tokens."""

from __future__ import annotations

import base64

import pytest
from locution_common.errors import Reason
from locution_registry.core.list_models import LARGEST_PAGE, ListModels
from locution_registry.core.page_token import decode, encode
from locution_registry.domain.models import Kind, ModelPath

from tests.support.refusals import refusal
from tests.unit.registry.registry_fakes import DIARIZATION, MemoryStore
from tests.unit.registry.store_conformance import model, save

LAST = ModelPath("set", "model")


@pytest.fixture
async def listing(store: MemoryStore) -> ListModels:
    await save(store, *(model(f"a/w{number:03}") for number in range(120)), model("p/p", DIARIZATION))
    return ListModels(store)


async def test_pages_cover_all_models_once(listing: ListModels) -> None:
    token, sizes, seen = "", [], []
    while True:
        page = await listing.run(None, 0, token)
        sizes.append(len(page.models))
        seen += [each.path for each in page.models]
        if not (token := page.next_token):
            break
    assert sizes == [50, 50, 21]
    assert seen == sorted(set(seen))


async def test_a_full_last_page_has_no_token(listing: ListModels) -> None:
    assert (await listing.run(Kind.ASR, 120, "")).next_token == ""
    assert (await listing.run(Kind.ASR, 119, "")).next_token != ""


async def test_too_large_a_page_is_lowered(store: MemoryStore) -> None:
    await save(store, *(model(f"a/w{number:04}") for number in range(LARGEST_PAGE + 1)))
    assert len((await ListModels(store).run(None, 2**31 - 1, "")).models) == LARGEST_PAGE


async def test_a_token_is_bound_to_its_kind(listing: ListModels) -> None:
    token = (await listing.run(Kind.ASR, 10, "")).next_token
    assert (await listing.run(Kind.ASR, 20, token)).models[0].path == ModelPath("a", "w010")
    for kind in (None, Kind.DIARIZATION):
        with refusal(Reason.PAGE_TOKEN_INVALID, match="another kind"):
            await listing.run(kind, 10, token)


@pytest.mark.parametrize(
    "token",
    [
        "x",
        "!!!!",
        "Zm9v",
        base64.urlsafe_b64encode(b"[1, 2, 3]").decode(),
        base64.urlsafe_b64encode(b'["models", null, "../etc"]').decode(),
        base64.urlsafe_b64encode(b'["jobs", null, "a/b"]').decode(),
        base64.urlsafe_b64encode(b"[" * 100_000).decode(),
        base64.urlsafe_b64encode(b"\xff\xfe").decode(),
        "é",
    ],
)
def test_a_malformed_token_is_refused(token: str) -> None:
    with refusal(Reason.PAGE_TOKEN_INVALID):
        decode(None, token)


@pytest.mark.parametrize("kind", [None, *Kind])
def test_a_token_comes_back(kind: Kind | None) -> None:
    assert decode(kind, encode(kind, LAST)) == LAST
    assert decode(kind, "") is None
