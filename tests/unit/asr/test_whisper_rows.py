"""Rows of a batch: which are aligned together, and that each gets its own words."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import ctranslate2
import numpy as np
import pytest
from locution_asr.adapters import whisper
from locution_asr.adapters.whisper import ALIGNED_AT_ONCE, WhisperEncoding
from locution_asr.domain.ports import Draft, Prompt
from locution_speech.asr import Task

ROWS = 30


@dataclass
class Model:
    """Stand in for CTranslate2's model on a device; the encoder's output of row 3 is all threes."""

    device: str
    aligned: list[list[int]] = field(default_factory=list)

    def align(self, features: Any, start: object, tokens: list[list[int]], frames: list[int]) -> list[Any]:
        rows = [int(row) for row in np.array(features)[:, 0, 0]]
        assert rows == [row[0] for row in tokens] == frames_of(frames)
        self.aligned.append(rows)
        return [SimpleNamespace(alignments=row, text_token_probs=[]) for row in rows]


@dataclass
class Output:
    """Stand in for the encoder's output, and count how often it is brought to the host."""

    view: Any
    brought: int = 0

    def to_device(self, device: ctranslate2.Device) -> Any:
        self.brought += 1
        return self.view


def frames_of(frames: list[int]) -> list[int]:
    return [count - 100 for count in frames]


@pytest.mark.parametrize(("device", "at_once"), [("cpu", 1), ("cuda", ALIGNED_AT_ONCE)])
def test_rows_are_aligned_some_at_once_and_keep_their_words(
    device: str, at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(whisper, "timed_words", lambda tokenizer, tokens, alignments, probs, length: [alignments])
    model = Model(device)
    numbers = np.arange(ROWS, dtype=np.float32)[:, None, None] * np.ones((1, 2, 2), np.float32)
    output = Output(ctranslate2.StorageView.from_array(numbers))
    recogniser: Any = SimpleNamespace(tokenizer=lambda language, task: SimpleNamespace(sot_sequence=language))
    encoding = WhisperEncoding(recogniser, model, output, ROWS, 16_000)
    languages = ["en", "de", "en"] * (ROWS // 3)
    words: Any = encoding.align(
        range(ROWS),
        [Prompt(language, Task.TRANSCRIBE) for language in languages],
        [Draft((row,), "", 0.0, 0.0, capped=False) for row in range(ROWS)],
        [(row + 100) * 160 for row in range(ROWS)],
    )
    assert words == [[row] for row in range(ROWS)]
    assert max(map(len, model.aligned)) == at_once
    assert sorted(row for rows in model.aligned for row in rows) == list(range(ROWS))
    assert output.brought == 1
