"""Pages and their tokens."""

from __future__ import annotations

import base64

import pytest
from locution_common.errors import Reason
from locution_registry.core.list_models import LARGEST_PAGE, ListWeights
from locution_registry.core.page_token import decode, encode
from locution_registry.domain.models import Kind, WeightPath

from tests.support.refusals import refusal
from tests.unit.registry.registry_fakes import DIARIZATION, MemoryStore
from tests.unit.registry.store_conformance import save, weight

LAST = WeightPath("set", "weight")


@pytest.fixture
async def listing(store: MemoryStore) -> ListWeights:
    await save(store, *(weight(f"a/w{number:03}") for number in range(120)), weight("p/p", DIARIZATION))
    return ListWeights(store)


async def test_pages_cover_all_weights_once(listing: ListWeights) -> None:
    token, sizes, seen = "", [], []
    while True:
        page = await listing.run(None, 0, token)
        sizes.append(len(page.weights))
        seen += [each.path for each in page.weights]
        if not (token := page.next_token):
            break
    assert sizes == [50, 50, 21]
    assert seen == sorted(set(seen))


async def test_a_full_last_page_has_no_token(listing: ListWeights) -> None:
    assert (await listing.run(Kind.ASR, 120, "")).next_token == ""
    assert (await listing.run(Kind.ASR, 119, "")).next_token != ""


async def test_too_large_a_page_is_lowered(store: MemoryStore) -> None:
    await save(store, *(weight(f"a/w{number:04}") for number in range(LARGEST_PAGE + 1)))
    assert len((await ListWeights(store).run(None, 2**31 - 1, "")).weights) == LARGEST_PAGE


async def test_a_token_is_bound_to_its_kind(listing: ListWeights) -> None:
    token = (await listing.run(Kind.ASR, 10, "")).next_token
    assert (await listing.run(Kind.ASR, 20, token)).weights[0].path == WeightPath("a", "w010")
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
        base64.urlsafe_b64encode(b'["weights", null, "../etc"]').decode(),
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
