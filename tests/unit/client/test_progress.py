"""What the bars say."""

from __future__ import annotations

import io

from google.protobuf.duration_pb2 import Duration
from locution.v1 import job_service_pb2 as pb
from locution_client.cli.progress import Bars
from rich.console import Console
from rich.progress import Progress


def test_bars_count_bytes_then_seconds_of_audio_by_stage() -> None:
    progress = Progress(console=Console(file=io.StringIO()))
    bars = Bars(progress, "call.wav")
    bars.uploading(1_500_000, 3_000_000)
    assert _shown(progress) == [("call.wav upload", "1.5 / 3.0 MB")]
    bars.uploading(2_000_000, None)
    assert _shown(progress) == [("call.wav upload", "2.0 MB")]
    bars.created(pb.Job(name="jobs/j"))
    assert _shown(progress) == [("call.wav queued", "")]
    bars.happened(_progress(pb.STAGE_KIND_DECODE, 10, None))
    bars.happened(_progress(pb.STAGE_KIND_TRANSCRIBE, 10, 30))
    bars.happened(_progress(pb.STAGE_KIND_TRANSCRIBE, 20, 30))
    assert _shown(progress) == [("call.wav decode", "10.0 s"), ("call.wav transcribe", "20.0 / 30.0 s")]


def test_other_events_change_nothing() -> None:
    progress = Progress(console=Console(file=io.StringIO()))
    Bars(progress, "call.wav").happened(pb.JobEvent(state_changed=pb.JobStateChanged(state=pb.Job.STATE_RUNNING)))
    assert _shown(progress) == []


def _shown(progress: Progress) -> list[tuple[str, str]]:
    return [(task.description, task.fields["amount"]) for task in progress.tasks]


def _progress(kind: pb.StageKind.ValueType, done: int, total: int | None) -> pb.JobEvent:
    stage = pb.StageProgress(kind=kind, done_duration=Duration(seconds=done))
    if total is not None:
        stage.total_duration.CopyFrom(Duration(seconds=total))
    return pb.JobEvent(stage_progress=stage)
