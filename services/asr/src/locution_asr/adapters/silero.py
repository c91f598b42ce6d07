"""Detect speech with the Silero VAD model of faster-whisper."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

import faster_whisper.utils
import numpy as np
import onnxruntime
from numpy.typing import NDArray

from locution_asr.adapters.levelling import Leveller
from locution_asr.domain.models import FRAME, Pcm

CONTEXT = 64
STATE = (1, 1, 128)


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
    """Computes speech probabilities of one stream, and keeps the recurrent state between calls.

    The model takes each frame, filtered and levelled, with the 64 samples before it.
    """

    def __init__(self) -> None:
        self._h = np.zeros(STATE, np.float32)
        self._c = np.zeros(STATE, np.float32)
        self._context = np.zeros(CONTEXT, np.float32)
        self._level = Leveller()

    def __call__(self, pcm: Pcm) -> NDArray[np.float32]:
        """Return one probability per frame."""
        frames = self._level((pcm.astype(np.float32) / np.float32(32768)).reshape(-1, FRAME))
        contexts = np.vstack([self._context, frames[:-1, -CONTEXT:]])
        inputs = {"input": np.concatenate([contexts, frames], axis=1), "h": self._h, "c": self._c}
        output, self._h, self._c = session().run(None, inputs)
        self._context = frames[-1, -CONTEXT:]
        return np.asarray(output, np.float32).reshape(-1)
