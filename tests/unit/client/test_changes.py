"""The command line against the fake gateway: changing jobs, tags and webhooks, and sending uploads in parts."""

from __future__ import annotations

import json
import random
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import grpc
import pytest
from locution.v1.job_service_pb2 import Job
from locution.v1.upload_service_pb2 import Upload
from locution_client import ApiError, Client
from locution_client.cli import exit_codes
from locution_client.parts import Notes, PartSender

from tests.unit.client.conftest import Command
from tests.unit.client.fake_changes import PART, FakeStore, FullGateway, serve
from tests.unit.client.fake_gateway import refusal

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def gateway() -> FullGateway:
    made = FullGateway()
    for number in range(2):
        made.jobs[f"jobs/j{number}"] = Job(name=f"jobs/j{number}", state=Job.STATE_RUNNING, tags=["a"], etag="1")
    return made


@pytest.fixture
async def address(gateway: FullGateway) -> AsyncIterator[str]:
    server, where = await serve(gateway)
    yield where
    await server.stop(None)


@pytest.fixture
def store(gateway: FullGateway) -> Iterator[FakeStore]:
    with FakeStore() as running:
        thread = threading.Thread(target=running.serve_forever, args=(0.01,))
        thread.start()
        gateway.store = running
        yield running
        running.shutdown()
        thread.join()


@pytest.fixture
def recording(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    path = tmp_path / "call.wav"
    path.write_bytes(random.Random(1).randbytes(4 * PART + 10))
    return path


async def test_jobs_are_cancelled_one_by_one(command: Command, gateway: FullGateway, capsys: Capture) -> None:
    assert await command("jobs", "cancel", "j0", "none", "j1") == exit_codes.FAILED
    shown = capsys.readouterr()
    assert [line.split()[:2] for line in shown.out.splitlines()[1:]] == [
        ["jobs/j0", "CANCELLED"],
        ["jobs/j1", "CANCELLED"],
    ]
    assert "jobs/none: JOB_NOT_FOUND" in shown.err


async def test_a_retry_shows_the_new_job(command: Command, capsys: Capture) -> None:
    assert await command("jobs", "retry", "j0", "--json") == exit_codes.OK
    (made,) = json.loads(capsys.readouterr().out)
    assert (made["name"], made["retry_of"]) == ("jobs/j2", "jobs/j0")


async def test_an_update_changes_what_is_given_and_nothing_else(command: Command, gateway: FullGateway) -> None:
    assert await command("jobs", "update", "j0", "--priority", "0", "--label", "new") == exit_codes.OK
    assert sorted(gateway.requests[-1].update_mask.paths) == ["display_name", "priority"]
    assert await command("jobs", "update", "j0", "--tag", "x", "--tag", "y") == exit_codes.OK
    assert (gateway.jobs["jobs/j0"].display_name, list(gateway.jobs["jobs/j0"].tags)) == ("new", ["x", "y"])
    assert await command("jobs", "update", "j0", "--no-tags") == exit_codes.OK
    assert list(gateway.jobs["jobs/j0"].tags) == []
    assert await command("jobs", "update", "j0") == exit_codes.USAGE
    assert await command("jobs", "update", "j0", "--tag", "x", "--no-tags") == exit_codes.USAGE


async def test_jobs_are_deleted_by_name_and_by_filter(command: Command, gateway: FullGateway, capsys: Capture) -> None:
    assert await command("jobs", "delete", "j0") == exit_codes.OK
    assert list(gateway.jobs) == ["jobs/j1"]
    assert await command("jobs", "delete", "--filter", "tags:a", "--count") == exit_codes.OK
    assert list(gateway.jobs) == ["jobs/j1"]
    assert await command("jobs", "delete", "--filter", "tags:a") == exit_codes.OK
    assert capsys.readouterr().out == "1\n1\n"
    assert gateway.jobs == {}
    for wrong in ([], ["j0", "--filter", "x"], ["j0", "--count"]):
        assert await command("jobs", "delete", *wrong) == exit_codes.USAGE


async def test_an_estimate_says_what_is_known(command: Command, capsys: Capture) -> None:
    assert await command("jobs", "estimate", "--audio", "1h30m") == exit_codes.OK
    assert "work        540.0 s" in capsys.readouterr().out
    assert await command("jobs", "estimate", "j0") == exit_codes.OK
    assert "work        unknown: nothing was measured yet" in capsys.readouterr().out


async def test_tags_are_listed_given_taken_renamed_and_deleted(
    command: Command, gateway: FullGateway, capsys: Capture
) -> None:
    assert await command("jobs", "tags", "add", "j0", "b", "a") == exit_codes.OK
    assert await command("jobs", "tags", "list") == exit_codes.OK
    assert await command("jobs", "tags", "remove", "j0", "a", "none") == exit_codes.OK
    assert await command("jobs", "tags", "rename", "b", "c") == exit_codes.OK
    assert await command("jobs", "tags", "delete", "a") == exit_codes.OK
    assert capsys.readouterr().out.splitlines() == [
        "a, b", "TAG  JOBS", "a    2", "b    1", "b", "1 jobs changed; 1 have the tag c", "1 jobs changed",
    ]  # fmt: skip
    assert [list(job.tags) for job in gateway.jobs.values()] == [["c"], []]


async def test_a_tag_is_given_though_somebody_else_changes_the_job(command: Command, gateway: FullGateway) -> None:
    def change(job: Job) -> None:
        job.tags.append("theirs")
        job.etag = "2"

    gateway.meanwhile = change
    assert await command("jobs", "tags", "add", "j0", "mine") == exit_codes.OK
    assert list(gateway.jobs["jobs/j0"].tags) == ["a", "theirs", "mine"]


async def test_a_webhook_shows_its_secret_once(command: Command, gateway: FullGateway, capsys: Capture) -> None:
    url = "https://hooks.example.com/in"
    assert await command("webhooks", "create", url, "--event", "job.failed", "--label", "Billing") == exit_codes.OK
    assert "secret      whsec_shown-once" in capsys.readouterr().out
    assert await command("webhooks", "get", "w0") == exit_codes.OK
    shown = capsys.readouterr().out
    assert "whsec" not in shown
    assert "events      job.failed" in shown
    assert await command("webhooks", "rotate-secret", "w0", "--overlap", "1h") == exit_codes.OK
    assert "whsec_shown-once" in capsys.readouterr().out
    assert gateway.requests[-1].overlap_duration.seconds == 3600


async def test_webhooks_are_changed_listed_and_deleted(command: Command, gateway: FullGateway, capsys: Capture) -> None:
    await command("webhooks", "create", "https://a.example/")
    assert await command("webhooks", "update", "w0", "--disable") == exit_codes.OK
    assert [each.disabled for each in gateway.webhooks.values()] == [True]
    assert await command("webhooks", "update", "w0", "--enable", "--url", "https://b.example/") == exit_codes.OK
    assert [each.disabled for each in gateway.webhooks.values()] == [False]
    assert await command("webhooks", "update", "w0") == exit_codes.USAGE
    capsys.readouterr()
    assert await command("webhooks", "list") == exit_codes.OK
    assert capsys.readouterr().out.splitlines()[1].split() == ["webhooks/w0", "enabled", "https://b.example/"]
    assert await command("webhooks", "delete", "w0") == exit_codes.OK
    assert await command("webhooks", "get", "w0") == exit_codes.FAILED
    assert "WEBHOOK_NOT_FOUND" in capsys.readouterr().err


async def test_deliveries_are_listed_and_sent_again(command: Command, gateway: FullGateway, capsys: Capture) -> None:
    await command("webhooks", "create", "https://a.example/")
    capsys.readouterr()
    assert await command("webhooks", "deliveries", "w0", "--filter", "state = DEAD") == exit_codes.OK
    assert gateway.requests[-1].filter == "state = DEAD"
    name, *rest = capsys.readouterr().out.splitlines()[1].split()
    assert rest == ["DEAD", "job.failed", "-", "0", "answered", "500"]
    assert await command("webhooks", "redeliver", name) == exit_codes.OK
    assert await command("webhooks", "test", "w0", "--json") == exit_codes.OK
    with pytest.raises(SystemExit):
        await command("webhooks", "redeliver", "d1")


async def test_an_upload_goes_on_where_an_earlier_run_was_cut_off(
    command: Command, client: Client, gateway: FullGateway, recording: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = recording.read_bytes()
    monkeypatch.setattr("locution_client.sources.CHUNK", PART)
    monkeypatch.setattr("locution_client.calls.PATIENCE", 0.0)
    gateway.break_upload_at = 2 * PART
    with pytest.raises(ApiError):
        await client.uploads.send(recording, resume=True)
    assert await command("upload", str(recording)) == exit_codes.OK
    assert gateway.offsets == [0, 2 * PART]
    (upload,) = gateway.uploads.values()
    assert (upload.state, gateway.content[upload.name]) == (Upload.STATE_READY, content)


async def test_one_failure_stops_no_other_upload(command: Command, gateway: FullGateway, recording: Path) -> None:
    unreadable = "/proc/self/mem"  # even for root: its first page is not mapped
    assert await command("upload", unreadable, str(recording)) == exit_codes.USAGE
    assert list(gateway.content.values()) == [recording.read_bytes()]


async def test_parts_are_sent_and_joined(
    command: Command, gateway: FullGateway, store: FakeStore, recording: Path, capsys: Capture
) -> None:
    store.fail = [503, 500]
    assert await command("upload", str(recording), "--parallel", "3", "--json") == exit_codes.OK
    (upload,) = json.loads(capsys.readouterr().out)
    assert gateway.content[upload["name"]] == recording.read_bytes()
    assert len(store.puts) == 7
    assert list((recording.parent / "cache/locution/uploads").iterdir()) == []


async def test_parts_that_were_sent_are_not_sent_again(
    client: Client, gateway: FullGateway, store: FakeStore, recording: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sender = PartSender(client.uploads, recording.parent / "notes", at_once=1)
    seen: list[int] = []
    store.fail = [200, 200, 403]
    with pytest.raises(ApiError, match="answered 403"):
        await sender.send(recording, sent=lambda sent, _: seen.append(sent))
    assert seen == [0, PART, 2 * PART]
    upload = await sender.send(recording, sent=lambda sent, _: seen.append(sent))
    assert seen[3:] == [2 * PART, 3 * PART, 4 * PART, 4 * PART + 10]
    assert len(store.puts) == 6
    assert len(gateway.uploads) == 1
    assert gateway.content[upload.name] == recording.read_bytes()


async def test_notes_of_an_upload_that_is_gone_are_not_used(
    client: Client, gateway: FullGateway, store: FakeStore, recording: Path
) -> None:
    sender = PartSender(client.uploads, recording.parent / "notes", at_once=2)
    gone = refusal(grpc.StatusCode.NOT_FOUND, "UPLOAD_NOT_FOUND", "no such upload")
    (recording.parent / "notes").mkdir()
    first = await sender.send(recording, sent=lambda *_: None)
    Notes(recording.parent / "notes" / f"{first.sha256}.json", first.name, {1: "old"}).write()
    gateway.refuse["GetUpload"] = gone
    second = await sender.send(recording, sent=lambda *_: None)
    assert second.name != first.name
    assert gateway.content[second.name] == recording.read_bytes()


def test_damaged_notes_are_no_notes(tmp_path: Path) -> None:
    for text in ("", "[]", "{", '{"upload": "uploads/u"}', '{"upload": "u", "parts": {"x": "y"}}'):
        (tmp_path / "n.json").write_text(text)
        assert Notes.read(tmp_path / "n.json").upload == ""
