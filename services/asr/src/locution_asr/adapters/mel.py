"""Compute the log-mel features that Whisper hears."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from faster_whisper.feature_extractor import FeatureExtractor
from numpy.typing import NDArray

from locution_asr.domain.models import Pcm

HOP = 160


class MelFeatures:
    """Turn windows into features of shape (windows, mels, frames), 100 frames a second. Thread-safe."""

    def __init__(self, mels: int) -> None:
        self._extractor = FeatureExtractor(feature_size=mels)
        self._mels = mels

    def __call__(self, windows: Sequence[Pcm], length: int) -> NDArray[np.float32]:
        """Return the features of each window, padded with silence to `length` samples, a multiple of 160."""
        features = np.empty((len(windows), self._mels, length // HOP), np.float32)
        for row, pcm in enumerate(windows):
            audio = np.zeros(length, np.float32)
            audio[: len(pcm)] = pcm
            features[row] = self._extractor(audio / 32768.0, padding=0)
        return features
