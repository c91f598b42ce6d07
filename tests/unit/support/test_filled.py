"""The fields that responses carry are recorded in every process of a run, whatever it ends with."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from google.protobuf.duration_pb2 import Duration
from grpc.aio._channel import Channel
from locution.v1 import job_config_pb2 as config
from locution.v1 import job_service_pb2 as pb

from tests.support import canaries, filled

ROOT = Path(__file__).resolve().parents[3]

CALL = """
import asyncio, grpc
from locution.v1 import job_service_pb2 as pb, job_service_pb2_grpc as stubs
class Jobs(stubs.JobServiceServicer):
    async def GetJob(self, request, context):
        return pb.Job(display_name="a")
async def main():
    server = grpc.aio.server()
    stubs.add_JobServiceServicer_to_server(Jobs(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        await stubs.JobServiceStub(channel).GetJob(pb.GetJobRequest(name="jobs/x"))
    await server.stop(None)
asyncio.run(main())
raise SystemExit(3)
"""


def test_fields_of_parts_count_and_empty_ones_do_not() -> None:
    job = pb.Job(
        name="",
        tags=["a"],
        config=config.JobConfig(word_times=False),
        config_origins={"language": pb.CONFIG_ORIGIN_USER},
        progress=pb.JobProgress(stages=[pb.StageProgress(done_duration=Duration(seconds=1))]),
    )
    names = {name.removeprefix("locution.v1.") for name in filled.fields(job) if name.startswith("locution.v1.")}
    assert names == {
        "Job.tags",
        "Job.config",
        "JobConfig.word_times",
        "Job.config_origins",
        "Job.progress",
        "JobProgress.stages",
        "StageProgress.done_duration",
    }


def test_a_process_keeps_what_its_client_received(tmp_path: Path) -> None:
    (tmp_path / "called.py").write_text(CALL)
    run = tmp_path / "run"
    environment = {**os.environ, canaries.VARIABLE: str(run), "PYTHONPATH": f"{ROOT}{os.pathsep}{tmp_path}"}
    command = [sys.executable, "-m", "tests.support.filled", "called"]
    done = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, timeout=50, check=False)
    assert done.returncode == 3, done.stderr
    assert filled.recorded(run) == {"locution.v1.Job.display_name"}


def test_nothing_is_recorded_where_nothing_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(canaries.VARIABLE, raising=False)
    before = Channel.unary_unary
    filled.record()
    assert Channel.unary_unary is before
