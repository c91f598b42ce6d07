"""The fixed list of recordings, known by digest, as 16 kHz PCM with their references."""

from __future__ import annotations

import csv
import hashlib
import os
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

RATE = 16_000
HERE = Path(__file__).parent
ROOT = HERE.parents[1]
TESTDATA = Path(os.environ.get("LOCUTION_TESTDATA", ROOT / "../shared/testdata"))
MODELS = Path(os.environ.get("LOCUTION_MODELS_ROOT", ROOT / ".locution/models")).resolve()
WHEEL = "wheel/"
"""Marks the recording that the pyannote.audio wheel carries."""

Pcm = NDArray[np.int16]


class MissingInput(Exception):
    """An input of the bench is not here, or is not the one that was listed."""


@dataclass(frozen=True, slots=True)
class Recording:
    """One listed file; `seconds` as its container states them."""

    name: str
    path: Path
    seconds: float
    language: str
    reference: Path | None
    turns: Path | None

    @property
    def text(self) -> str:
        """Return the reference text."""
        if self.reference is None:
            raise MissingInput(f"{self.name} has no reference text")
        text = self.reference.read_text(encoding="utf-8")
        return _stm(text) if self.reference.suffix == ".stm" else text

    @property
    def headerless(self) -> bool:
        """Say whether the file holds samples alone, which the public API refuses unless it is told their format."""
        return self.path.suffix == ".raw"


@lru_cache(maxsize=1)
def all_recordings() -> tuple[Recording, ...]:
    """Return the list, every file checked against its digest; raises MissingInput."""
    with (HERE / "recordings.tsv").open(encoding="utf-8", newline="") as table:
        return tuple(_checked(row) for row in csv.DictReader(table, delimiter="\t"))


def recording(name: str) -> Recording:
    """Return one by name."""
    for found in all_recordings():
        if found.name == name:
            return found
    raise MissingInput(f"recordings.tsv lists no {name}")


def referenced() -> list[Recording]:
    """Return those with a reference text, but for those whose right answer is no words."""
    return [found for found in all_recordings() if found.reference is not None and found.language != "zxx"]


def wordless() -> list[Recording]:
    """Return the noise and the silence."""
    return [found for found in all_recordings() if found.language == "zxx"]


def with_turns() -> list[Recording]:
    """Return those with reference turns."""
    return [found for found in all_recordings() if found.turns is not None]


def pcm(found: Recording) -> Pcm:
    """Decode to mono at 16 kHz."""
    return decoded(found.path)


def floats(audio: Pcm) -> NDArray[np.float32]:
    """Return samples as the baselines take them."""
    return audio.astype(np.float32) / np.float32(32768)


def seconds(parts: Iterable[Pcm]) -> float:
    """Return how long parts are together."""
    return sum(len(part) for part in parts) / RATE


def model_folder(name: str) -> Path:
    """Return a model's folder; raises MissingInput."""
    folder = MODELS / name
    if not folder.is_dir():
        raise MissingInput(f"the model {name} is not below the models root: run `make models`")
    return folder


def wheel_folder() -> Path:
    """Return the folder of the sample in the pyannote.audio wheel."""
    spec = find_spec("pyannote")
    if spec is None or not spec.submodule_search_locations:
        raise MissingInput("pyannote.audio is not installed, so its sample is not here")
    return Path(spec.submodule_search_locations[0]) / "audio" / "sample"


@lru_cache(maxsize=256)
def decoded(path: Path) -> Pcm:
    """Decode a file to mono at 16 kHz; `.raw` holds samples alone."""
    if path.suffix == ".raw":
        return np.fromfile(path, dtype="<i2").astype(np.int16, copy=False)
    from faster_whisper.audio import decode_audio

    audio = decode_audio(str(path), sampling_rate=RATE)
    samples: Pcm = np.clip(np.rint(audio * 32768), -32768, 32767).astype(np.int16)
    return samples


def _checked(row: dict[str, str]) -> Recording:
    folder = wheel_folder() if row["file"].startswith(WHEEL) else TESTDATA
    path = _same(folder / row["file"].removeprefix(WHEEL), row["sha256"])
    return Recording(
        name=row["file"],
        path=path,
        seconds=float(row["seconds"]),
        language=row["language"],
        reference=_beside(folder, row["reference"], row["reference_sha256"]),
        turns=_beside(folder, row["turns"], row["turns_sha256"]),
    )


def _beside(folder: Path, name: str, digest: str) -> Path | None:
    return None if name == "-" else _same(folder / name, digest)


def _same(path: Path, digest: str) -> Path:
    if not path.is_file():
        raise MissingInput(f"{path.name} is not here: set LOCUTION_TESTDATA to the folder of the test recordings")
    with path.open("rb") as file:
        if hashlib.file_digest(file, "sha256").hexdigest() != digest:
            raise MissingInput(f"{path.name} is not the file that recordings.tsv lists")
    return path.resolve()


def _stm(text: str) -> str:
    """Return the words of an stm file in order of time."""
    lines = [line.split(maxsplit=6) for line in text.splitlines() if line and not line.startswith(";")]
    ordered = sorted(lines, key=lambda fields: float(fields[3]))
    return " ".join(" ".join(f[6:] if f[5].startswith("<") else f[5:]) for f in ordered)
