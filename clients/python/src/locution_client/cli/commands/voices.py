"""`locution voices`: enrol the voices by which speakers are named."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from locution.v1 import voice_service_pb2 as pb

from locution_client.cli import arguments, exit_codes, show
from locution_client.cli.output import UsageError
from locution_client.cli.progress import Screen
from locution_client.client import Client
from locution_client.transcription import Observer, Options, follow

FIRST = "SPEAKER_00"


def configure(commands: arguments.Commands) -> None:
    """Add the command and its own commands."""
    parser = commands.add_parser("voices", help="enrol the voices by which speakers are named")
    actions = parser.add_subparsers(metavar="ACTION", required=True)
    _configure_enrol(actions)
    listing = actions.add_parser("list", help="list the voices")
    arguments.add_json(listing)
    listing.set_defaults(run=_list)
    _on_one(actions, "get", _get, "show one voice")
    rename = _on_one(actions, "rename", _rename, "call a voice otherwise, in transcripts from now on")
    rename.add_argument("name", metavar="NAME", help="what transcripts call the speaker")
    _on_one(actions, "delete", _delete, "delete a voice: it names nobody any more")


def _configure_enrol(actions: arguments.Commands) -> None:
    enrol = actions.add_parser("enrol", help="enrol a voice from a sample, or from a speaker of a finished job")
    enrol.add_argument("file", nargs="?", type=Path, metavar="FILE", help="a sample: one person, five seconds at least")
    enrol.add_argument("--name", required=True, metavar="NAME", help="what transcripts call the speaker")
    enrol.add_argument("--job", type=arguments.job, metavar="JOB", help="a finished job, instead of FILE")
    enrol.add_argument("--speaker", type=arguments.speaker, metavar="LABEL", help=f"its speaker ({FIRST})")
    enrol.add_argument("--diarizer-model", type=arguments.weight, metavar="SET/WEIGHT", help="(the server's default)")
    enrol.add_argument("--keep-job", action="store_true", help="keep the sample's job, audio and transcript")
    arguments.add_json(enrol)
    enrol.set_defaults(run=_enrol)


def _on_one(actions: arguments.Commands, name: str, run: object, text: str) -> argparse.ArgumentParser:
    action = arguments.action(actions, name, run, text)
    action.add_argument("voice", type=arguments.voice, metavar="VOICE", help="voices/ID")
    return action


async def _enrol(client: Client, options: argparse.Namespace) -> int:
    if (options.file is None) == (options.job is None):
        raise UsageError("give a FILE or a --job")
    if options.job is not None:
        voice = await client.voices.enrol(options.name, options.job, options.speaker or FIRST)
    else:
        voice = await _from_file(client, options)
    _show(voice, as_json=options.json)
    return exit_codes.OK


async def _from_file(client: Client, options: argparse.Namespace) -> pb.Voice:
    """Send the sample, have its one speaker found, and enrol it."""
    if not options.file.is_file():
        raise UsageError(f"no such file: {options.file}")
    if options.speaker is not None:
        raise UsageError("--speaker is for a --job: a FILE is of one person")
    screen = Screen()
    with screen.shown():
        observer = screen.observer(options.file.name)
        upload = await client.uploads.send(options.file, sent=observer.uploading)
        try:
            return await _from_upload(client, options, upload.name, observer)
        finally:
            if not options.keep_job:
                await client.uploads.delete(upload.name)


async def _from_upload(client: Client, options: argparse.Namespace, upload: str, observer: Observer) -> pb.Voice:
    wanted = Options(diarize=True, diarizer_model=options.diarizer_model, speakers=1, identify=False)
    job = await client.jobs.create(upload, wanted.to_config(), label=options.file.name)
    observer.created(job)
    try:
        await follow(client, job.name, observer)
        return await client.voices.enrol(options.name, job.name)
    finally:
        if not options.keep_job:
            await client.jobs.delete(job.name)


async def _list(client: Client, options: argparse.Namespace) -> int:
    voices = await client.voices.all()
    rows = [(each.name, each.display_name, each.model, each.create_time.ToJsonString()) for each in voices]
    print(show.as_json(voices) if options.json else show.table(("VOICE", "NAME", "MODEL", "ENROLLED"), rows))
    return exit_codes.OK


async def _get(client: Client, options: argparse.Namespace) -> int:
    _show(await client.voices.get(options.voice), as_json=options.json)
    return exit_codes.OK


async def _rename(client: Client, options: argparse.Namespace) -> int:
    _show(await client.voices.rename(options.voice, options.name), as_json=options.json)
    return exit_codes.OK


async def _delete(client: Client, options: argparse.Namespace) -> int:
    await client.voices.delete(options.voice)
    return exit_codes.OK


def _show(voice: pb.Voice, *, as_json: bool) -> None:
    if as_json:
        print(json.dumps(show.to_dict(voice), indent=2, ensure_ascii=False))
        return
    lines = [("voice", voice.name), ("name", voice.display_name), ("model", voice.model)]
    lines.append(("enrolled", voice.create_time.ToJsonString()))
    print("\n".join(f"{name:<11} {text}" for name, text in lines))
