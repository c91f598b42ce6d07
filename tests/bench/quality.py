"""Word and diarization error rates of every recording with a reference, through the command line `locution transcribe`.

A stack of the bench's own runs all services; every file goes through upload, job and export with the server's
default models. Nothing is asserted.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tests.bench import command, scoring
from tests.bench.installation import Installation, installation
from tests.bench.recipes import reference_turns
from tests.bench.recordings import WHEEL, Recording, all_recordings
from tests.bench.scoring import Confusion, Errors, annotation, confusion, errors, pooled, pooled_confusion
from tests.bench.table import Row, lines

PATIENCE: Final = 900.0
SMALL: Final = ("wheel/sample.wav", "leopard_test_es.wav", "silence_8s.wav")
HEAD: Final = ("recording", "language", "WER or CER", "deleted", "inserted", "of", "DER", "remarks")
CONVERSATION: Final = f"{WHEEL}sample.wav"


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one recording; neither figure where there is no reference for it, `failure` where it failed."""

    recording: Recording
    language: str = ""
    errors: Errors | None = None
    confusion: Confusion | None = None
    failure: str = ""

    @property
    def cells(self) -> tuple[str, ...]:
        """Return its line of the table."""
        found = self.errors
        counts = ("", "", "", "") if found is None else (_rate(found), *_counts(found))
        turns = "" if self.confusion is None else f"{self.confusion.rate:.2%}"
        heard = "" if self.language in ("", self.recording.language) else f"heard as {self.language}"
        return (self.recording.name, self.recording.language, *counts, turns, self.failure or heard)


def main(argv: Sequence[str] | None = None) -> None:
    """Run the bench."""
    options = _options(argv)
    command.end_on_sigterm()
    chosen = [found for found in all_recordings() if _wanted(found, options.recordings)]
    if not chosen:
        raise SystemExit("no recording with a reference has one of these names")
    with installation(device=options.device) as running:
        results = [_measured(running, found, options, number, len(chosen)) for number, found in enumerate(chosen, 1)]
    print(lines([HEAD, *(result.cells for result in results)]), end="\n\n")
    told = "told" if options.language == "given" else "detected"
    failed = sum(bool(result.failure) for result in results)
    notes = [scoring.NOTE, "DER: pyannote.metrics, no collar, overlap scored.", f"Language: {told}; failed: {failed}."]
    command.show("quality", _rows(results), options, notes=notes, device=options.device)


def _options(argv: Sequence[str] | None) -> argparse.Namespace:
    made = command.parser("quality", __doc__)
    made.add_argument("--recordings", type=command.chosen, metavar="A,B", help="names in recordings.tsv (all)")
    made.add_argument(
        "--language", choices=("auto", "given"), default="auto", help="detect the language or tell it (auto)"
    )
    made.add_argument("--asr-model", metavar="SET/MODEL", help="(the server's default)")
    command.add_device(made)
    options = made.parse_args(argv)
    if options.small and not options.recordings:
        options.recordings = SMALL
    return options


def _wanted(found: Recording, names: Sequence[str] | None) -> bool:
    """Choose those with a reference; samples without a header are refused by the API, as they should be."""
    referenced = found.reference is not None or found.turns is not None
    return referenced and not found.headerless and (not names or found.name in names)


def _measured(running: Installation, found: Recording, options: argparse.Namespace, number: int, count: int) -> Result:
    result = _result(running, found, options)
    command.say(f"{number} of {count}: {' '.join(cell for cell in result.cells if cell)}")
    return result


def _result(running: Installation, found: Recording, options: argparse.Namespace) -> Result:
    language = found.language if options.language == "given" and found.language != "zxx" else "auto"
    with tempfile.TemporaryDirectory(prefix="locution-bench-") as folder:
        out = Path(folder) / "transcript.json"
        arguments = ["transcribe", str(found.path), "--format", "json", "--output", str(out), "--language", language]
        failure = _locution(running, [*arguments, *(["--asr-model", options.asr_model] if options.asr_model else [])])
        if failure:
            return Result(found, failure=failure)
        transcript: dict[str, Any] = json.loads(out.read_text(encoding="utf-8"))
    text = " ".join(segment["text"] for segment in transcript["segments"])
    return Result(
        recording=found,
        language=transcript.get("language", ""),
        errors=None if found.reference is None else errors(found.text, text, found.language),
        confusion=None if found.turns is None else _confusion(found, transcript),
    )


def _locution(running: Installation, arguments: Sequence[str]) -> str:
    """Run the command line; return why it failed, empty where it did not."""
    environment = {**os.environ, **running.client_settings(), "COLUMNS": "120"}
    done = subprocess.run(
        [sys.executable, "-m", "locution_client", *arguments],
        env=environment,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    return (done.stderr.strip().splitlines() or [f"exit {done.returncode}"])[-1] if done.returncode else ""


def _confusion(found: Recording, transcript: dict[str, Any]) -> Confusion:
    turns = [(turn["start"], turn["end"], turn["speaker"]) for turn in transcript.get("turns", [])]
    return confusion(reference_turns(found), annotation(turns), transcript["duration"])


def _rows(results: Sequence[Result]) -> list[Row]:
    scored = [result for result in results if result.errors is not None and result.recording.language != "zxx"]
    english = [result for result in scored if result.recording.language == "en"]
    others = [result for result in scored if result.recording.language != "en"]
    wordless = [result for result in results if result.errors is not None and result.recording.language == "zxx"]
    return [
        *_conversation(results),
        *_pooled("WER, English pooled", english),
        *_pooled("WER (CER for zh, ja), all others pooled", others),
        *_words("words on noise and silence", wordless),
        *_turns("DER, pooled", [result for result in results if result.confusion is not None]),
    ]


def _conversation(results: Sequence[Result]) -> list[Row]:
    rows = []
    for result in results:
        if result.recording.name == CONVERSATION and result.errors and result.confusion:
            rows.append(Row("WER of the wheel's conversation", "≤ 20%", f"{result.errors.rate:.2%}"))
            rows.append(Row("DER of the wheel's conversation", "≤ 10%", f"{result.confusion.rate:.2%}"))
    return rows


def _pooled(what: str, results: Sequence[Result]) -> list[Row]:
    total = pooled(result.errors for result in results if result.errors)
    return [Row(f"{what} ({len(results)} recordings)", "", total.text())] if results else []


def _words(what: str, results: Sequence[Result]) -> list[Row]:
    total = pooled(result.errors for result in results if result.errors)
    return [Row(f"{what} ({len(results)} recordings)", "0", str(total.insertions))] if results else []


def _turns(what: str, results: Sequence[Result]) -> list[Row]:
    total = pooled_confusion(result.confusion for result in results if result.confusion)
    return [Row(f"{what} ({len(results)} recordings)", "", f"{total.rate:.2%}")] if results else []


def _rate(found: Errors) -> str:
    return f"{found.rate:.2%}" if found.length else f"{found.insertions} words"


def _counts(found: Errors) -> tuple[str, str, str]:
    return str(found.deletions), str(found.insertions), str(found.length)


if __name__ == "__main__":
    main()
