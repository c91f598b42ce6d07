"""Tags: listed with their jobs, renamed and deleted on all of them, and filters by any and all."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from locution.v1 import job_service_pb2 as jobs
from locution.v1 import tag_service_pb2 as pb
from locution.v1.tag_service_pb2_grpc import TagServiceStub
from locution_common.channels import open_channel
from locution_gateway.jobs.tags import manage

from tests.service.gateway.client import reason
from tests.service.gateway.conftest import KEY, Gateway


@pytest.fixture
async def tags(gateway: Gateway) -> AsyncIterator[TagServiceStub]:
    async with open_channel(gateway.running.address, token=KEY) as channel:
        yield TagServiceStub(channel)


async def tagged(gateway: Gateway, *sets: str) -> list[str]:
    """Make a job for each set of tags, given as letters."""
    upload = (await gateway.client.upload(b"RIFF")).name
    return [(await gateway.client.job(upload, tags=list(each))).name for each in sets]


async def listed(tags: TagServiceStub) -> dict[str, int]:
    return {each.name: each.job_count for each in (await tags.ListTags(pb.ListTagsRequest())).tags}


async def named(gateway: Gateway, matching: str) -> set[str]:
    found = await gateway.client.jobs.ListJobs(jobs.ListJobsRequest(filter=matching))
    assert found.total_size == len(found.jobs)
    return {job.name for job in found.jobs}


async def test_tags_are_counted_and_paged(gateway: Gateway, tags: TagServiceStub) -> None:
    await tagged(gateway, "ab", "bc", "", "B")
    assert await listed(tags) == {"tags/B": 1, "tags/a": 1, "tags/b": 2, "tags/c": 1}
    first = await tags.ListTags(pb.ListTagsRequest(page_size=3))
    assert [each.name for each in first.tags] == ["tags/B", "tags/a", "tags/b"]
    rest = await tags.ListTags(pb.ListTagsRequest(page_size=3, page_token=first.next_page_token))
    assert [each.name for each in rest.tags] == ["tags/c"]
    assert rest.next_page_token == ""


async def test_jobs_are_found_by_any_and_by_all(gateway: Gateway) -> None:
    ab, bc, c, none = await tagged(gateway, "ab", "bc", "c", "")
    assert await named(gateway, "tags:a AND tags:b") == {ab}
    assert await named(gateway, "tags:a OR tags:c") == {ab, bc, c}
    assert await named(gateway, "tags:(a OR c)") == {ab, bc, c}
    assert await named(gateway, 'tags:("a" OR c) AND tags:b') == {ab, bc}
    assert none not in await named(gateway, "state = QUEUED AND tags:(a OR b OR c)")
    for wrong in ("tags:(a OR", "tags:()", "tags:(a AND b)", "state = (QUEUED OR RUNNING)"):
        assert await reason(named(gateway, wrong)) == "FILTER_INVALID"


async def test_a_tag_is_renamed_on_every_job(
    gateway: Gateway, tags: TagServiceStub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(manage, "BATCH", 2)
    made = await tagged(gateway, "ab", "ac", "a", "xa", "b")
    before = await gateway.client.get_job(made[0])
    done = await tags.RenameTag(pb.RenameTagRequest(name="tags/a", new_tag="x"))
    assert (done.tag, done.changed_count) == (pb.Tag(name="tags/x", job_count=4), 4)
    assert [sorted((await gateway.client.get_job(name)).tags) for name in made] == [
        ["b", "x"],
        ["c", "x"],
        ["x"],
        ["x"],
        ["b"],
    ]
    assert (await gateway.client.get_job(made[0])).etag != before.etag
    again = tags.RenameTag(pb.RenameTagRequest(name="tags/a", new_tag="x"))
    assert await reason(again) == "TAG_NOT_FOUND"
    same = await tags.RenameTag(pb.RenameTagRequest(name="tags/x", new_tag="x"))
    assert (same.tag.job_count, same.changed_count) == (4, 0)


async def test_a_tag_is_deleted_from_every_job(gateway: Gateway, tags: TagServiceStub) -> None:
    await tagged(gateway, "ab", "a")
    assert (await tags.DeleteTag(pb.DeleteTagRequest(name="tags/a"))).changed_count == 2
    assert await listed(tags) == {"tags/b": 1}
    assert await reason(tags.DeleteTag(pb.DeleteTagRequest(name="tags/a"))) == "TAG_NOT_FOUND"


async def test_another_tenants_tags_are_not_seen(gateway: Gateway, tags: TagServiceStub) -> None:
    await tagged(gateway, "a")
    await gateway.owner.execute("UPDATE gateway.jobs SET tenant_id = gen_random_uuid()")
    assert await listed(tags) == {}
    assert await reason(tags.RenameTag(pb.RenameTagRequest(name="tags/a", new_tag="b"))) == "TAG_NOT_FOUND"
    assert await gateway.owner.fetchval("SELECT tags FROM gateway.jobs") == ["a"]


@pytest.mark.parametrize("wrong", ["", "a b", "ä", "x" * 65])
async def test_a_wrong_name_is_refused(tags: TagServiceStub, wrong: str) -> None:
    call = tags.RenameTag(pb.RenameTagRequest(name="tags/a", new_tag=wrong))
    assert await reason(call) == "INVALID_REQUEST"
