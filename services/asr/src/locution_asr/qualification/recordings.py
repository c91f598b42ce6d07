"""Read the recordings of a qualification from a manifest."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from locution_speech.clock import SAMPLE_RATE

from locution_asr.domain.models import Pcm

NONE = ("", "-")
SPOKEN = ("", "TRANSCRIBED")


class ManifestInvalid(Exception):
    """The manifest is missing, or lists files that cannot be used."""


@dataclass(frozen=True, slots=True)
class Referenced:
    """A recording with its reference text; `language` as in the manifest."""

    name: str
    path: Path
    language: str
    text: str


def referenced(folder: Path, language: str | None = None) -> list[Referenced]:
    """Return the recordings of `manifest.tsv` with a reference text, of one or all languages. Raises ManifestInvalid.

    The table is separated by tabs and has the columns `file`, `language` and `transcript` (a file name, or `-` for
    none). It skips headerless samples, and rows whose optional column `expected` is not TRANSCRIBED.
    """
    found = [item for item in _rows(folder) if language is None or item.language == language]
    if not found:
        raise ManifestInvalid(f"{folder} lists no recording with a reference text to run")
    return found


def pcm(recording: Referenced) -> Pcm:
    """Decode a recording to mono samples at 16 kHz."""
    from faster_whisper.audio import decode_audio

    audio = decode_audio(str(recording.path), sampling_rate=SAMPLE_RATE)
    samples: Pcm = np.clip(np.rint(audio * 32768), -32768, 32767).astype(np.int16)
    return samples


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
