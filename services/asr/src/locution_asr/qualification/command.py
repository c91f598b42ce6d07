"""Compare a model's FAST mode with ACCURATE on recordings with reference texts, and store the qualification.

The recordings go through a running asr service over gRPC, each after three lengths of silence. FAST passes if it adds
at most half a point of word errors, in English and in all other languages together, and destroys no recording: none may
have more than four words and 15 points of errors more than in ACCURATE, or than faster-whisper gives with the same
model, run here. Only then do requests without a preference use FAST. FAST pads short windows to a few seconds for the
encoder; shorter is faster. The qualification names the first of --inputs that passes.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import grpc
from locution_common.channels import open_channel
from locution_common.interceptors import remote_failure

from locution_asr.qualification import engine
from locution_asr.qualification.judge import Qualification, TooFewWords, dump, judge
from locution_asr.qualification.recordings import ManifestInvalid, referenced, shifted
from locution_asr.qualification.sequential import transcribed

INPUTS = (7.5, 10.0, 15.0)
SHORTEST, LONGEST = 2.5, 30.0


def main(argv: Sequence[str] | None = None) -> None:
    """Qualify a model; exit 0 if FAST passes, 1 if it does not, 2 if it could not be measured."""
    options = _options(argv)
    try:
        qualification = asyncio.run(_run(options))
    except (ManifestInvalid, TooFewWords, engine.EngineDiffers) as error:
        _end(str(error))
    except grpc.aio.AioRpcError as error:
        failure = remote_failure(error)
        _end(f"{failure.reason or failure.code.name}: {failure.message}")
    passed = f"passed with windows of at least {qualification.min_encoder_input:g} s"
    _print(passed if qualification.passes else "not passed")
    sys.exit(0 if qualification.passes else 1)


async def _run(options: argparse.Namespace) -> Qualification:
    recordings = shifted(referenced(options.recordings, options.language))
    _say(f"{len(recordings)} readings, each in both modes and sequentially")
    sequential = await asyncio.to_thread(transcribed, options.models_root / options.model, recordings, _say)
    async with open_channel(options.asr, token=options.token) as channel:
        accurate = await engine.transcribed(channel, options.model, recordings, engine.accurate())
        _say("ACCURATE is done")
        for shortest in options.inputs:
            fast = await engine.transcribed(channel, options.model, recordings, engine.fast(shortest))
            if accurate.checksum != fast.checksum:
                raise engine.EngineDiffers("the model's files changed between the two modes")
            texts = (accurate.texts, fast.texts, sequential)
            qualification = judge(options.model, fast.checksum, recordings, *texts, shortest)
            _print(f"windows of at least {shortest:g} s:")
            for pool in qualification.pools:
                _print(f"  {pool.describe()}")
            for name in qualification.destroyed:
                _print(f"  destroyed: {name}")
            if qualification.passes:
                break
    if options.output:
        options.output.write_text(dump(qualification), encoding="utf-8")
    if options.register:
        async with open_channel(options.registry, token=options.token) as channel:
            taken = await engine.record(channel, qualification)
        _say(f"the registry keeps the qualification: FAST {'may' if taken else 'may not'} be used")
    return qualification


def _options(argv: Sequence[str] | None) -> argparse.Namespace:
    made = argparse.ArgumentParser(prog="python -m locution_asr.qualification", description=__doc__)
    made.add_argument("--model", required=True, metavar="SET/MODEL", help="the model, as it is registered")
    made.add_argument(
        "--recordings",
        required=True,
        type=Path,
        metavar="DIR",
        help="folder with manifest.tsv: file, language, transcript",
    )
    made.add_argument("--language", help="recordings of this language alone, such as en for a model of English")
    made.add_argument(
        "--inputs",
        type=_inputs,
        default=INPUTS,
        metavar="SECONDS,..",
        help="shortest windows to try for FAST, 2.5 to 30 s, from the least until one passes "
        f"({','.join(f'{each:g}' for each in INPUTS)})",
    )
    root = os.environ.get("LOCUTION_MODELS_ROOT")
    made.add_argument(
        "--models-root",
        type=Path,
        default=root and Path(root),
        metavar="DIR",
        help="folder that holds the model as SET/MODEL (LOCUTION_MODELS_ROOT)",
    )
    made.add_argument("--asr", required=True, metavar="HOST:PORT", help="the asr service")
    made.add_argument("--registry", metavar="HOST:PORT", help="the registry, for --register")
    made.add_argument("--register", action="store_true", help="store the qualification with the registry")
    made.add_argument("--output", type=Path, metavar="FILE", help="write the qualification there, as JSON")
    made.add_argument("--token-file", type=Path, metavar="FILE", help="holds the service token")
    options = made.parse_args(argv)
    if options.register and not options.registry:
        made.error("--register requires --registry")
    if not options.models_root or not (options.models_root / options.model).is_dir():
        made.error("--models-root must hold the model: faster-whisper reads it too")
    options.token = _token(options.token_file)
    return options


def _inputs(text: str) -> tuple[float, ...]:
    try:
        wanted = tuple(float(each) for each in text.split(","))
    except ValueError:
        wanted = ()
    if not wanted or not all(SHORTEST <= each <= LONGEST for each in wanted):
        raise argparse.ArgumentTypeError(f"{text!r} is not a list of seconds, each from {SHORTEST:g} to {LONGEST:g}")
    return tuple(sorted(set(wanted)))


def _token(path: Path | None) -> str | None:
    path = path or (Path(named) if (named := os.environ.get("LOCUTION_SERVICE_TOKEN_FILE")) else None)
    return path.read_text(encoding="utf-8").strip() if path else os.environ.get("LOCUTION_SERVICE_TOKEN")


def _print(line: str) -> None:
    sys.stdout.write(f"{line}\n")


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")


def _end(message: str) -> None:
    _say(f"no qualification: {message}")
    sys.exit(2)
