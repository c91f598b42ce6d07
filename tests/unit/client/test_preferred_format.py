"""The format of transcripts where the command line says none: the caller's, else the tenant's, else txt."""

from __future__ import annotations

from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import pytest
from locution.v1.identity_pb2 import JobDefaults
from locution.v1.transcript_service_pb2 import ExportTranscriptRequest as Export
from locution_client.cli import exit_codes

from tests.unit.client import fake_identity
from tests.unit.client.conftest import Command
from tests.unit.client.fake_gateway import FakeGateway, serve
from tests.unit.client.fake_identity import TENANT, FakeIdentity

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def identity() -> FakeIdentity:
    return FakeIdentity()


@pytest.fixture
async def address(gateway: FakeGateway, identity: FakeIdentity) -> AsyncIterator[str]:
    server, where = await serve(gateway, partial(fake_identity.add_to, gateway=identity))
    yield where
    await server.stop(None)


@pytest.fixture
def recording(tmp_path: Path) -> str:
    path = tmp_path / "a.wav"
    path.write_bytes(b"sound")
    return str(path)


def prefer(identity: FakeIdentity, own: Export.Format.ValueType, tenant: Export.Format.ValueType) -> None:
    identity.defaults = {
        "mine": JobDefaults(export_format=own),
        f"{TENANT}/settings": JobDefaults(export_format=tenant),
    }


@pytest.mark.parametrize(
    ("own", "tenant", "expected"),
    [
        (Export.FORMAT_SRT, Export.FORMAT_VTT, "FORMAT_SRT"),
        (Export.FORMAT_UNSPECIFIED, Export.FORMAT_VTT, "FORMAT_VTT"),
        (Export.FORMAT_UNSPECIFIED, Export.FORMAT_UNSPECIFIED, "FORMAT_TXT"),
    ],
)
async def test_the_callers_goes_before_the_tenants(
    command: Command,
    identity: FakeIdentity,
    recording: str,
    capsys: Capture,
    own: Export.Format.ValueType,
    tenant: Export.Format.ValueType,
    expected: str,
) -> None:
    prefer(identity, own, tenant)
    assert await command("transcribe", recording) == exit_codes.OK
    assert capsys.readouterr().out == f"{expected} of a.wav\n"


async def test_a_format_that_is_given_goes_before_all_and_asks_nobody(
    command: Command, identity: FakeIdentity, recording: str, capsys: Capture
) -> None:
    prefer(identity, Export.FORMAT_SRT, Export.FORMAT_VTT)
    assert await command("transcribe", recording, "--format", "json") == exit_codes.OK
    assert capsys.readouterr().out == "FORMAT_JSON of a.wav\n"
    assert identity.calls == []


async def test_a_key_that_may_not_read_settings_gets_text(
    command: Command, identity: FakeIdentity, recording: str, capsys: Capture
) -> None:
    prefer(identity, Export.FORMAT_UNSPECIFIED, Export.FORMAT_VTT)
    identity.narrow = True
    assert await command("transcribe", recording) == exit_codes.OK
    assert capsys.readouterr().out == "FORMAT_TXT of a.wav\n"


async def test_a_folder_is_filled_in_the_preferred_format(
    command: Command, identity: FakeIdentity, recording: str, tmp_path: Path
) -> None:
    prefer(identity, Export.FORMAT_VTT, Export.FORMAT_UNSPECIFIED)
    assert await command("transcribe", recording, "--output", f"{tmp_path}/out/") == exit_codes.OK
    assert (tmp_path / "out/a.vtt").read_text() == "FORMAT_VTT of a.wav"


@pytest.mark.parametrize("verb", ["get", "watch"])
async def test_a_job_is_written_in_the_preferred_format_where_it_is_told_to_be_written(
    command: Command, identity: FakeIdentity, recording: str, tmp_path: Path, capsys: Capture, verb: str
) -> None:
    prefer(identity, Export.FORMAT_SRT, Export.FORMAT_UNSPECIFIED)
    await command("transcribe", recording)
    capsys.readouterr()
    out = tmp_path / "said"
    assert await command("jobs", verb, "j0", "--output", str(out)) == exit_codes.OK
    assert out.read_text() == "FORMAT_SRT of a.wav"
    asked = len(identity.calls)
    assert await command("jobs", verb, "j0") == exit_codes.OK
    assert "FORMAT_" not in capsys.readouterr().out
    assert len(identity.calls) == asked
