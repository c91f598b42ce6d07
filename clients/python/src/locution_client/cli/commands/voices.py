"""`locution voices`: enrol voices, so that transcripts name speakers."""

from __future__ import annotations

from pathlib import Path

from locution.v1 import voice_service_pb2 as pb

from locution_client.cli import show
from locution_client.cli.app import Commands
from locution_client.cli.arguments import DIARIZER_MODEL, JSON, VOICE, argument, job_name, pattern, recording, switch
from locution_client.cli.output import UsageError, existing
from locution_client.cli.progress import Screen
from locution_client.client import Client
from locution_client.labels import label
from locution_client.transcription import Options, follow

FIRST = "SPEAKER_00"


speaker_label = pattern(r"SPEAKER_[0-9]{2,4}", f"Not a speaker label. Use a label such as {FIRST}.")

app = Commands("Enrol voices, so that transcripts name speakers.")


@app.verb(
    "enrol",
    argument(
        "file",
        nargs="?",
        type=recording,
        metavar="FILE",
        help="sample: one speaker, at least five seconds of speech; - reads standard input",
    ),
    argument("--name", required=True, metavar="NAME", help="speaker name in transcripts"),
    argument("--job", type=job_name, metavar="JOB", help="finished job to take the voice from, instead of FILE"),
    argument("--speaker", type=speaker_label, metavar="LABEL", help=f"speaker in the job (default: {FIRST})"),
    DIARIZER_MODEL,
    switch("--keep-job", "keep the job, the audio and the transcript of the sample"),
    JSON,
)
async def _enrol(
    client: Client,
    file: Path | None,
    name: str,
    job: str | None,
    speaker: str | None,
    diarizer_model: str | None,
    keep_job: bool,
    json: bool,
) -> None:
    """Enrol a voice from a sample, or from a speaker of a finished job."""
    if file is None and job is not None:
        voice = await client.voices.enrol(name, job, speaker or FIRST)
    elif file is None or job is not None:
        raise UsageError("give either FILE or --job")
    elif speaker is not None:
        raise UsageError("--speaker needs --job: a sample has one speaker")
    else:
        voice = await _from_file(client, existing([file])[0], name, diarizer_model, keep_job)
    _show(voice, json=json)


@app.verb("list", JSON)
async def _list(client: Client, json: bool) -> None:
    """List the voices."""
    show.listing(
        await client.voices.all(),
        ("VOICE", "NAME", "MODEL", "ENROLLED"),
        lambda each: (each.name, each.display_name, each.model, each.create_time.ToJsonString()),
        json=json,
    )


@app.verb("get", VOICE, JSON)
async def _get(client: Client, voice: str, json: bool) -> None:
    """Show a voice."""
    _show(await client.voices.get(voice), json=json)


@app.verb("rename", VOICE, argument("name", metavar="NAME", help="speaker name in transcripts"), JSON)
async def _rename(client: Client, voice: str, name: str, json: bool) -> None:
    """Rename a voice. Later transcripts use the new name."""
    _show(await client.voices.rename(voice, name), json=json)


@app.verb("delete", VOICE, JSON)
async def _delete(client: Client, voice: str, json: bool) -> None:
    """Delete a voice. Later transcripts do not name its speaker."""
    await client.voices.delete(voice)


async def _from_file(client: Client, path: Path, name: str, diarizer_model: str | None, keep: bool) -> pb.Voice:
    """Upload the sample, find its only speaker, and enrol it."""
    screen = Screen()
    with screen.shown():
        observer = screen.observer(label(path.name))
        upload = await client.uploads.send(path, sent=observer.uploading)
        try:
            wanted = Options(diarize=True, diarizer_model=diarizer_model, speakers=1, identify=False)
            job = await client.jobs.create(upload.name, wanted.to_config(), label=path.name)
            observer.created(job)
            try:
                await follow(client, job.name, observer)
                return await client.voices.enrol(name, job.name)
            finally:
                if not keep:
                    await client.jobs.delete(job.name)
        finally:
            if not keep:
                await client.uploads.delete(upload.name)


def _show(voice: pb.Voice, *, json: bool) -> None:
    lines = [("voice", voice.name), ("name", voice.display_name), ("model", voice.model)]
    show.one(voice, [*lines, ("enrolled", voice.create_time.ToJsonString())], json=json)
