"""The recording that the checks send: a short sentence of an address from 1961, in the public domain."""

from __future__ import annotations

import wave
from dataclasses import dataclass
from importlib.resources import files
from io import BytesIO


@dataclass(frozen=True, slots=True)
class Recording:
    """A WAV file and what it holds: one channel of signed 16-bit samples."""

    wav: bytes
    pcm: bytes
    rate: int

    @property
    def seconds(self) -> float:
        """Return its length."""
        return len(self.pcm) / 2 / self.rate


def recording() -> Recording:
    """Return the recording."""
    wav = files(__package__).joinpath("speech.wav").read_bytes()
    with wave.open(BytesIO(wav)) as file:
        return Recording(wav, file.readframes(file.getnframes()), file.getframerate())
