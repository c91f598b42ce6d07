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

LONGEST_QUIET = samples(4.0) // FRAME
"""After so many quiet frames on end the model's state is forgotten."""


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

    The model takes each frame, filtered and levelled, with the 64 samples before it. Without its state being forgotten,
    half a minute of noise makes it deaf for the next six seconds of speech.
    """

    def __init__(self) -> None:
        self._context = np.zeros(CONTEXT, np.float32)
        self._level = Leveller()
        self._state = _unknown()
        self._quiet = 0

    def __call__(self, pcm: Pcm) -> Sound:
        """Return the probability of speech and the power of each frame."""
        frames, power = self._level((pcm.astype(np.float32) / np.float32(32768)).reshape(-1, FRAME))
        contexts = np.vstack([self._context, frames[:-1, -CONTEXT:]])
        self._context = frames[-1, -CONTEXT:]
        inputs = np.concatenate([contexts, frames], axis=1)
        found: list[NDArray[np.float32]] = []
        while len(inputs):
            judged = min(len(inputs), LONGEST_QUIET - self._quiet)
            found.append(self._judge(inputs[:judged]))
            inputs = inputs[judged:]
        return Sound(np.concatenate(found), power)

    def _judge(self, inputs: NDArray[np.float32]) -> NDArray[np.float32]:
        h, c = self._state
        output, *self._state = session().run(None, {"input": inputs, "h": h, "c": c})
        probabilities = np.asarray(output, np.float32).reshape(-1)
        [sounding] = np.nonzero(probabilities >= QUIET_BELOW)
        self._quiet = len(probabilities) - 1 - int(sounding[-1]) if len(sounding) else self._quiet + len(probabilities)
        if self._quiet >= LONGEST_QUIET:
            self._state, self._quiet = _unknown(), 0
        return probabilities


def _unknown() -> list[NDArray[np.float32]]:
    """Return the model's state before it has heard anything."""
    return [np.zeros(STATE, np.float32), np.zeros(STATE, np.float32)]
