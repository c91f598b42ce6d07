"""Plain LocalAgreement-2 over faster-whisper: the buffer is decoded whole at each step and trimmed at 15 s.

The policy of Macháček, Dabre and Bojar (2023): two hypotheses in a row confirm their common front; a buffer over its limit is
cut at the end of the last confirmed segment.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.bench.recordings import RATE, Pcm, floats

Spoken = tuple[float, float, str]
"""A word: start and end in seconds, and its text."""

STEP = RATE // 2
TRIM = 15.0
THREADS = 1


class PlainAgreement:
    """One stream after the other, as fast as it goes: the steps are those of audio, not of the clock."""

    def __init__(self, folder: Path) -> None:
        """Load a model's folder."""
        from faster_whisper import WhisperModel

        self._model: Any = WhisperModel(
            str(folder), device="cpu", compute_type="int8", cpu_threads=THREADS, num_workers=1, local_files_only=True
        )

    def run(self, audio: Pcm) -> str:
        """Stream a recording; return the text that was confirmed."""
        sound, begin = floats(audio), 0.0
        before: list[Spoken] = []
        confirmed: list[Spoken] = []
        for end in range(STEP, len(audio) + STEP, STEP):
            words = self._look(sound[round(begin * RATE) : end], begin, confirmed)
            fresh = [word for word in words if not confirmed or word[0] > confirmed[-1][1] - 0.1]
            agreed = 0
            while agreed < min(len(before), len(fresh)) and _plain(before[agreed]) == _plain(fresh[agreed]):
                agreed += 1
            confirmed += fresh[:agreed]
            before = fresh[agreed:]
            if end / RATE - begin > TRIM and confirmed:
                begin = max(begin, confirmed[-1][1])
        return "".join(word[2] for word in [*confirmed, *before])

    def _look(self, sound: Any, begin: float, confirmed: list[Spoken]) -> list[Spoken]:
        prompt = "".join(word[2] for word in confirmed if word[1] <= begin)[-200:]
        segments, _ = self._model.transcribe(
            sound, language="en", beam_size=5, word_timestamps=True, condition_on_previous_text=True,
            initial_prompt=prompt or None,
        )  # fmt: skip
        return [(begin + word.start, begin + word.end, word.word) for part in segments for word in part.words]


def _plain(word: Spoken) -> str:
    return "".join(letter for letter in word[2].casefold() if letter.isalnum())
