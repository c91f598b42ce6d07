"""Read the test recordings as 16 kHz PCM."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.support.testdata import recording


def conversation() -> Path:
    """Return the recording that the pyannote.audio wheel carries."""
    spec = find_spec("pyannote.audio")
    if spec is None or spec.origin is None:
        pytest.skip("pyannote.audio is not installed, so its sample is not here")
    return Path(spec.origin).parent / "sample/sample.wav"


@lru_cache(maxsize=32)
def pcm(path: Path) -> NDArray[np.int16]:
    """Decode a recording to mono 16 kHz samples."""
    from faster_whisper.audio import decode_audio

    audio = decode_audio(str(path))
    samples: NDArray[np.int16] = np.clip(np.rint(audio * 32768), -32768, 32767).astype(np.int16)
    return samples


def reference(name: str) -> str:
    """Return the reference text beside a recording."""
    return recording(name).read_text(encoding="utf-8")


@lru_cache
def _normaliser() -> Callable[[str], str]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the package's own source has invalid escapes
        from whisper_normalizer.english import EnglishTextNormalizer
    normaliser: Callable[[str], str] = EnglishTextNormalizer()
    return normaliser


def normal(text: str) -> str:
    """Normalise English text for counting errors, as the Whisper paper does."""
    return _normaliser()(text)
