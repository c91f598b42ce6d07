"""Transcribe recordings one after the other with faster-whisper itself: the text that FAST is compared with."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from locution_speech.languages import AUTO

from locution_asr.adapters.devices import choose
from locution_asr.qualification.recordings import Referenced, pcm

BEAM = 5
EVERY = 20


def transcribed(folder: Path, recordings: Sequence[Referenced], say: Callable[[str], None]) -> tuple[str, ...]:
    """Return one text per recording: beam 5, no detection of speech, the language of the manifest. Blocks."""
    from faster_whisper import WhisperModel

    device = choose("auto")
    model = WhisperModel(str(folder), device=device.kind, compute_type=device.compute_type)
    texts = []
    for done, recording in enumerate(recordings, 1):
        audio = pcm(recording).astype(np.float32) / np.float32(32768)
        language = None if recording.language == AUTO else recording.language
        segments, _ = model.transcribe(audio, language=language, beam_size=BEAM)
        texts.append("".join(segment.text for segment in segments))
        if done % EVERY == 0 or done == len(recordings):
            say(f"sequential: {done} of {len(recordings)}")
    return tuple(texts)
