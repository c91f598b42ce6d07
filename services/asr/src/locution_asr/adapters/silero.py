"""Detect speech with the Silero VAD model of faster-whisper."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

import faster_whisper.utils
import numpy as np
import onnxruntime
from locution_speech.clock import samples
from numpy.typing import NDArray

from locution_asr.adapters.levelling import Leveller
from locution_asr.domain.models import FRAME, QUIET_BELOW, Pcm, Sound

CONTEXT = 64
STATE = (1, 1, 128)

CELL = samples(4.0) // FRAME
"""Frames between the places where the model's state is forgotten, if all frames since the last place were quiet.

The places are counted from the stream's first sample: a stream that goes on elsewhere forgets at the same ones.
"""


@lru_cache
def session() -> Any:
    """Load the model once; several threads may call its `run`."""
    options = onnxruntime.SessionOptions()
    options.inter_op_num_threads = 1
    options.intra_op_num_threads = 1
    options.enable_cpu_mem_arena = False
    options.log_severity_level = 4
    [path] = Path(faster_whisper.utils.get_assets_path()).glob("silero_vad*.onnx")
    return onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"], sess_options=options)


class SileroDetector:
    """Judges the frames of one stream, and keeps the recurrent state between calls.

    The model takes each frame, filtered and levelled, with the 64 samples before it. If its state were never forgotten,
    half a minute of noise would make it deaf to the next six seconds of speech.
    """

    def __init__(self, first: int = 0) -> None:
        """Begin at sample `first` of the stream, a multiple of FRAME."""
        self._context = np.zeros(CONTEXT, np.float32)
        self._level = Leveller()
        self._state = _unknown()
        self._at = first // FRAME % CELL
        self._quiet = self._at == 0

    def __call__(self, pcm: Pcm) -> Sound:
        """Return the probability of speech and the power of each frame."""
        frames, power = self._level((pcm.astype(np.float32) / np.float32(32768)).reshape(-1, FRAME))
        contexts = np.vstack([self._context, frames[:-1, -CONTEXT:]])
        self._context = frames[-1, -CONTEXT:]
        inputs = np.concatenate([contexts, frames], axis=1)
        found: list[NDArray[np.float32]] = []
        while len(inputs):
            found.append(self._judge(inputs[: CELL - self._at]))
            inputs = inputs[len(found[-1]) :]
        return Sound(np.concatenate(found), power)

    def _judge(self, inputs: NDArray[np.float32]) -> NDArray[np.float32]:
        h, c = self._state
        output, *self._state = session().run(None, {"input": inputs, "h": h, "c": c})
        probabilities = np.asarray(output, np.float32).reshape(-1)
        self._at += len(probabilities)
        self._quiet = self._quiet and bool(probabilities.max() < QUIET_BELOW)
        if self._at == CELL:
            self._state = _unknown() if self._quiet else self._state
            self._at, self._quiet = 0, True
        return probabilities


def _unknown() -> list[NDArray[np.float32]]:
    """Return the model's state before it has heard anything."""
    return [np.zeros(STATE, np.float32), np.zeros(STATE, np.float32)]
