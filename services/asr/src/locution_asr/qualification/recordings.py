"""Read the recordings of a qualification from a manifest."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from locution_speech.clock import SAMPLE_RATE

from locution_asr.domain.models import Pcm

NONE = ("", "-")
SPOKEN = ("", "TRANSCRIBED")

SHIFTS = (0.0, 0.1, 0.21)
"""Seconds of silence before a recording. Where a decoder destroys a text can depend on them."""


class ManifestInvalid(Exception):
    """The manifest is missing, or lists files that cannot be used."""


@dataclass(frozen=True, slots=True)
class Referenced:
    """A recording with its reference text; `language` as in the manifest. `shift` seconds of silence precede it."""

    name: str
    path: Path
    language: str
    text: str
    shift: float = 0.0


def referenced(folder: Path, language: str | None = None) -> list[Referenced]:
    """Return the recordings of `manifest.tsv` with a reference text, of one or all languages. Raises ManifestInvalid.

    The table is separated by tabs and has the columns `file`, `language` and `transcript` (a file name, or `-` for
    none). It skips headerless samples, and rows whose optional column `expected` is not TRANSCRIBED.
    """
    found = [item for item in _rows(folder) if language is None or item.language == language]
    if not found:
        raise ManifestInvalid(f"{folder} lists no recording with a reference text to run")
    return found


def shifted(recordings: Sequence[Referenced]) -> list[Referenced]:
    """Return every recording once for each shift."""
    return [replace(recording, shift=shift) for recording in recordings for shift in SHIFTS]


def pcm(recording: Referenced) -> Pcm:
    """Decode a recording to mono samples at 16 kHz, after its silence."""
    from faster_whisper.audio import decode_audio

    audio = decode_audio(str(recording.path), sampling_rate=SAMPLE_RATE)
    samples: Pcm = np.clip(np.rint(audio * 32768), -32768, 32767).astype(np.int16)
    return np.concatenate([np.zeros(round(recording.shift * SAMPLE_RATE), np.int16), samples])


def _rows(folder: Path) -> Iterator[Referenced]:
    try:
        lines = (folder / "manifest.tsv").read_text(encoding="utf-8").splitlines()
        for row in csv.DictReader(lines, delimiter="\t"):
            if row["transcript"] in NONE or row.get("expected", "") not in SPOKEN or row["file"].endswith(".raw"):
                continue
            text = (folder / row["transcript"]).read_text(encoding="utf-8")
            if text.strip():
                yield Referenced(row["file"], folder / row["file"], row["language"], text)
    except (OSError, KeyError, UnicodeDecodeError) as error:
        raise ManifestInvalid(f"{folder}: {error}") from error
