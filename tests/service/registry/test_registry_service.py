"""The whole service: its API on a real socket, over a real Postgres and real folders."""

from __future__ import annotations

import asyncio
import shutil
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp
from grpc_health.v1 import health_pb2, health_pb2_grpc
from locution.registry.v1 import registry_service_pb2 as pb
from locution.registry.v1.registry_service_pb2_grpc import RegistryServiceStub
from locution.v1 import model_service_pb2 as public
from locution_common.channels import open_channel
from locution_common.errors import Reason
from locution_common.interceptors import remote_failure
from locution_common.postgres import Pool

from tests.service.registry.conftest import Serve, Stack
from tests.support.postgres import Postgres
from tests.unit.registry.models_on_disk import ENGLISH, ct2_model, write_pyannote, write_whisper

ASR, DIARIZATION = public.MODEL_KIND_ASR, public.MODEL_KIND_DIARIZATION
ENABLED, DISABLED, INVALID = public.Model.STATE_ENABLED, public.Model.STATE_DISABLED, public.Model.STATE_INVALID


async def reason(call: Awaitable[object]) -> Reason | None:
    """Await a call that must be refused; return its reason."""
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    return remote_failure(caught.value).reason


async def register(stack: Stack, path: str, **options: bool) -> pb.RegisteredModel:
    """Register as an administrator."""
    return await stack.client.RegisterModel(pb.RegisterModelRequest(path=path, actor="admin", **options))


async def get(stack: Stack, path: str) -> public.Model:
    """Read the public view of a model."""
    return (await stack.client.GetModel(pb.GetModelRequest(path=path))).resource


async def resolve(stack: Stack, choice: str = "") -> pb.ResolveModelResponse:
    """Resolve a speech model."""
    return await stack.client.ResolveModel(pb.ResolveModelRequest(kind=ASR, choice=choice))


async def until(wanted: Callable[[], Awaitable[bool]], seconds: float = 60) -> None:
    """Wait for a condition."""
    deadline = time.monotonic() + seconds
    while not await wanted():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.05)


@pytest.fixture
def installed(models: Path) -> Path:
    """whisper/base, whisper/tiny.en and pyannote/one lie below the models root."""
    write_whisper(models / "whisper" / "base")
    write_whisper(models / "whisper" / "tiny.en", vocabulary=ENGLISH, model=ct2_model(ENGLISH))
    write_pyannote(models / "pyannote" / "one")
    return models


async def test_a_registered_model_tells_everything(stack: Stack, installed: Path) -> None:
    registered = await register(stack, "whisper/tiny.en")
    model, folder = registered.resource, installed / "whisper" / "tiny.en"
    assert (model.name, registered.path) == ("models/whisper/tiny.en", "whisper/tiny.en")
    assert (model.kind, model.provider, model.layout) == (ASR, "faster-whisper", "ctranslate2-whisper")
    assert {file.path: file.size_bytes for file in registered.files} == {
        path.name: path.stat().st_size for path in folder.iterdir()
    }
    assert model.size_bytes == sum(file.size_bytes for file in registered.files)
    assert {len(model.checksum), *(len(file.sha256) for file in registered.files)} == {64}
    assert list(model.capabilities.languages) == ["en"]
    assert (model.capabilities.translation, model.capabilities.word_times) == (False, True)
    assert (model.state, model.is_default) == (ENABLED, True)
    assert not model.HasField("state_reason")
    assert not model.HasField("qualification")
    assert abs(model.create_time.ToDatetime(UTC) - datetime.now(UTC)).total_seconds() < 60
    assert await stack.client.GetModel(pb.GetModelRequest(path="whisper/tiny.en")) == registered


async def test_validating_only_registers_nothing(stack: Stack, installed: Path) -> None:
    assert (await register(stack, "whisper/base", validate_only=True)).resource.state == ENABLED
    assert await reason(get(stack, "whisper/base")) == "MODEL_NOT_FOUND"


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("", "INVALID_REQUEST"),
        ("x" * 257, "INVALID_REQUEST"),
        ("whisper", "MODEL_PATH_INVALID"),
        ("../elsewhere", "MODEL_PATH_INVALID"),
        ("whisper/../../etc", "MODEL_PATH_INVALID"),
        ("/etc/ssl", "MODEL_PATH_INVALID"),
        ("whisper/linked", "MODEL_PATH_INVALID"),
        ("linked/base", "MODEL_PATH_INVALID"),
        ("whisper/none", "MODEL_PATH_INVALID"),
        ("whisper/empty", "MODEL_LAYOUT_INVALID"),
        ("whisper/cut", "MODEL_LAYOUT_INVALID"),
    ],
)
async def test_what_cannot_be_registered(stack: Stack, installed: Path, path: str, why: str) -> None:
    outside = shutil.copytree(installed / "whisper", installed.parent / "elsewhere" / "whisper")
    (installed / "whisper" / "linked").symlink_to(outside / "base")
    (installed / "linked").symlink_to(outside)
    (installed / "whisper" / "empty").mkdir()
    write_whisper(installed / "whisper" / "cut", model=ct2_model()[:-20])
    assert await reason(register(stack, path)) == why


async def test_of_two_registrations_at_once_one_wins(serve: Serve, installed: Path) -> None:
    async with serve() as one, serve() as two:
        results = await asyncio.gather(
            *(register(stack, "whisper/base") for stack in (one, two, one, two)), return_exceptions=True
        )
        refused = [remote_failure(each).reason for each in results if isinstance(each, grpc.aio.AioRpcError)]
        assert refused == ["MODEL_ALREADY_REGISTERED"] * 3


async def test_lists_in_pages_bound_to_their_kind(stack: Stack, installed: Path) -> None:
    for path in ("whisper/tiny.en", "whisper/base", "pyannote/one"):
        await register(stack, path)
    first = await stack.client.ListModels(pb.ListModelsRequest(page_size=2))
    assert [model.path for model in first.models] == ["pyannote/one", "whisper/base"]
    rest = await stack.client.ListModels(pb.ListModelsRequest(page_size=2, page_token=first.next_page_token))
    assert ([model.path for model in rest.models], rest.next_page_token) == (["whisper/tiny.en"], "")
    ours = await stack.client.ListModels(pb.ListModelsRequest(kind=DIARIZATION))
    assert [model.resource.kind for model in ours.models] == [DIARIZATION]
    other = pb.ListModelsRequest(kind=ASR, page_token=first.next_page_token)
    assert await reason(stack.client.ListModels(other)) == "PAGE_TOKEN_INVALID"


async def test_resolves_choice_then_default_then_next(stack: Stack, installed: Path) -> None:
    assert await reason(resolve(stack)) == "MODEL_NONE_USABLE"
    for path in ("whisper/tiny.en", "whisper/base", "pyannote/one"):
        await register(stack, path)
    assert (await resolve(stack)).model.path == "whisper/tiny.en"
    chosen = await resolve(stack, "whisper/base")
    assert (chosen.model.path, chosen.HasField("fallback")) == ("whisper/base", False)
    for unknown in ("whisper/none", "../../etc"):
        assert await reason(resolve(stack, unknown)) == "MODEL_NOT_FOUND"
    assert await reason(resolve(stack, "pyannote/one")) == "MODEL_NOT_USABLE"

    disable = pb.DisableModelRequest(path="whisper/tiny.en", reason="too many mistakes", actor="admin")
    assert (await stack.client.DisableModel(disable)).resource.state == DISABLED
    fallback = await resolve(stack)
    assert fallback.model.path == "whisper/base"
    assert fallback.fallback == "whisper/base is used: whisper/tiny.en is disabled: too many mistakes"

    (installed / "whisper" / "base" / "config.json").unlink()
    assert await reason(resolve(stack)) == "MODEL_NONE_USABLE"
    lost = await get(stack, "whisper/base")
    assert (lost.state, lost.state_reason) == (INVALID, "config.json is missing")


async def test_replaced_files_need_a_new_registration(serve: Serve, installed: Path) -> None:
    async with serve(file_check_interval=3600) as stack:
        before = await register(stack, "whisper/base")
        (installed / "whisper" / "base" / "model.bin").write_bytes(ct2_model(encoder=4))
        enable = pb.EnableModelRequest(path="whisper/base", actor="admin")
        assert await reason(stack.client.EnableModel(enable)) == "MODEL_CHECKSUM_MISMATCH"
        default = pb.SetDefaultModelRequest(path="whisper/base", actor="admin")
        assert await reason(stack.client.SetDefaultModel(default)) == "MODEL_NOT_USABLE"
        after = await register(stack, "whisper/base")
        assert after.resource.checksum != before.resource.checksum
        assert not after.resource.capabilities.translation
        assert after.resource.create_time == before.resource.create_time


async def test_the_file_check_takes_a_model_out_and_in(serve: Serve, installed: Path) -> None:
    async with serve(file_check_interval=0.05) as stack:
        await register(stack, "whisper/base")
        folder, away = installed / "whisper" / "base", installed / "whisper" / "away"

        async def is_in(state: public.Model.State.ValueType) -> bool:
            return (await get(stack, "whisper/base")).state == state

        folder.rename(away)
        await until(lambda: is_in(INVALID))
        shutil.copytree(away, folder, copy_function=shutil.copyfile)  # the same content at another time
        await until(lambda: is_in(ENABLED))


async def test_the_default_moves_and_survives_a_restart(serve: Serve, installed: Path) -> None:
    async with serve() as stack:
        await register(stack, "whisper/tiny.en")
        await register(stack, "whisper/base")
        await stack.client.SetDefaultModel(pb.SetDefaultModelRequest(path="whisper/base", actor="admin"))
    async with serve() as stack:
        assert (await get(stack, "whisper/base")).is_default
        assert not (await get(stack, "whisper/tiny.en")).is_default
        assert (await resolve(stack)).model.path == "whisper/base"


def qualification(
    checksum: str, accurate: float, fast: float, words: int = 1000, destroyed: int = 0
) -> pb.RecordQualificationRequest:
    """Return the report of a qualification run."""
    return pb.RecordQualificationRequest(
        path="whisper/base",
        checksum=checksum,
        accurate_word_error_rate=accurate,
        fast_word_error_rate=fast,
        word_count=words,
        destroyed_recording_count=destroyed,
        run_time=Timestamp(seconds=1_790_000_000),
        actor="qualification",
    )


async def test_qualifications(stack: Stack, installed: Path) -> None:
    checksum = (await register(stack, "whisper/base")).resource.checksum
    for accurate, fast, passed in ((0.1, 0.105, True), (0.1, 0.106, False)):
        judged = (
            await stack.client.RecordQualification(qualification(checksum, accurate, fast))
        ).resource.qualification
        assert (judged.passed, judged.word_count, judged.run_time.seconds) == (passed, 1000, 1_790_000_000)
        assert judged.min_encoder_input == Duration(seconds=10)
    short = Duration(seconds=7, nanos=500_000_000)
    request = qualification(checksum, 0.1, 0.1)
    request.min_encoder_input.CopyFrom(short)
    judged = (await stack.client.RecordQualification(request)).resource.qualification
    assert judged.min_encoder_input == short
    assert (await get(stack, "whisper/base")).qualification == judged
    ruined = (await stack.client.RecordQualification(qualification(checksum, 0.1, 0.1, destroyed=2))).resource
    assert (ruined.qualification.passed, ruined.qualification.destroyed_recording_count) == (False, 2)
    older = qualification(checksum, 0.1, 0.1)
    older.ClearField("destroyed_recording_count")
    assert await reason(stack.client.RecordQualification(older)) == "INVALID_REQUEST"
    assert (
        await reason(stack.client.RecordQualification(qualification("0" * 64, 0.1, 0.1))) == "MODEL_CHECKSUM_MISMATCH"
    )
    request.min_encoder_input.CopyFrom(Duration(seconds=31))
    assert await reason(stack.client.RecordQualification(request)) == "INVALID_REQUEST"
    for request in (
        qualification("0" * 63, 0.1, 0.1),
        qualification(checksum, -0.1, 0.1),
        qualification(checksum, 0.1, 0.1, words=99),
    ):
        assert await reason(stack.client.RecordQualification(request)) == "INVALID_REQUEST"
    for rate in (float("inf"), float("nan")):
        assert await reason(stack.client.RecordQualification(qualification(checksum, 0.1, rate))) == "INVALID_REQUEST"


async def test_a_qualification_of_before_is_about_ten_seconds(stack: Stack, installed: Path, pool: Pool) -> None:
    checksum = (await register(stack, "whisper/base")).resource.checksum
    request = qualification(checksum, 0.1, 0.1)
    request.min_encoder_input.CopyFrom(Duration(seconds=15))
    await stack.client.RecordQualification(request)
    await pool.execute("UPDATE registry.models SET qualification_min_encoder_input = NULL")
    assert (await get(stack, "whisper/base")).qualification.min_encoder_input == Duration(seconds=10)


async def test_serving_engines_are_counted(serve: Serve, installed: Path) -> None:
    async with serve(serving_ttl=3) as stack:
        await register(stack, "whisper/base")
        for replica in ("one", "two"):
            report = pb.ReportServingRequest(replica=replica, kind=ASR, paths=["whisper/base"])
            assert (await stack.client.ReportServing(report)).ttl.ToTimedelta().total_seconds() == 3
        assert (await get(stack, "whisper/base")).serving_replicas == 2

        async def forgotten() -> bool:
            return (await get(stack, "whisper/base")).serving_replicas == 0

        await until(forgotten)
        unknown = pb.ReportServingRequest(replica="one", kind=ASR, paths=["whisper/none"])
        assert await reason(stack.client.ReportServing(unknown)) == "MODEL_NOT_FOUND"


async def test_every_change_is_audited(stack: Stack, installed: Path, pool: Pool) -> None:
    await register(stack, "whisper/base")
    await stack.client.DisableModel(pb.DisableModelRequest(path="whisper/base", reason="x", actor="eve"))
    await stack.client.EnableModel(pb.EnableModelRequest(path="whisper/base", actor="adam"))
    lines = await pool.fetch("SELECT action, created_by, before, after FROM registry.changes ORDER BY change_id")
    assert [(line["action"], line["created_by"]) for line in lines] == [
        ("register", "admin"),
        ("disable", "eve"),
        ("enable", "adam"),
    ]
    assert [line["after"]["state"] for line in lines] == ["enabled", "disabled", "enabled"]


@pytest.mark.parametrize("token", [None, "another-token-than-the-right-one"])
async def test_callers_show_the_service_credential(stack: Stack, token: str | None) -> None:
    async with open_channel(stack.running.address, token=token) as channel:
        listed = RegistryServiceStub(channel).ListModels(pb.ListModelsRequest())
        assert await reason(listed) == "UNAUTHENTICATED"


async def healthy(stack: Stack) -> bool:
    """Ask for the service's health."""
    request = health_pb2.HealthCheckRequest(service="locution.registry.v1.RegistryService")
    answer = await health_pb2_grpc.HealthStub(stack.channel).Check(request)  # type: ignore[attr-defined]  # poor stubs
    return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)


async def test_health_follows_the_models_root(stack: Stack, installed: Path) -> None:
    await register(stack, "whisper/base")

    async def ill() -> bool:
        return not await healthy(stack)

    await until(lambda: healthy(stack))
    away = installed.rename(installed.with_name("away"))
    await until(ill)
    assert await reason(resolve(stack)) == "DEPENDENCY_UNAVAILABLE"
    away.rename(installed)
    await until(lambda: healthy(stack))
    assert (await resolve(stack)).model.path == "whisper/base"


async def test_health_follows_postgres(serve: Serve, installed: Path, postgres: Postgres) -> None:
    async with serve(file_check_interval=0.05) as stack:
        await register(stack, "whisper/base")

        async def ill() -> bool:
            return not await healthy(stack)

        await until(lambda: healthy(stack))
        await asyncio.to_thread(postgres.stop)
        try:
            await until(ill)
            assert await reason(resolve(stack)) == "DEPENDENCY_UNAVAILABLE"
        finally:
            await asyncio.to_thread(postgres.start)
        await until(lambda: healthy(stack))
        assert (await resolve(stack)).model.path == "whisper/base"
