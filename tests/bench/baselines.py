"""What Locution is measured against, used as its own documentation says."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from pyannote.core import Annotation

from tests.bench.recordings import RATE, Pcm, floats

THREADS = 2
BATCHES = (1, 2, 4, 8)
STOCK_BATCH = 32
"""Batch of segmentation and embedding in pyannote's published pipelines."""


@dataclass(frozen=True, slots=True)
class Sequential:
    """The seconds that a run of requests took, and each request's latency, all submitted at its start."""

    total: float
    latencies: tuple[float, ...]
    texts: tuple[str, ...]


class FasterWhisper:
    """Sequential faster-whisper: beam 5, VAD on, word times on; int8 on a CPU with two threads, float16 on a GPU."""

    def __init__(self, folder: Path, device: str = "cpu") -> None:
        """Load a model's folder."""
        from faster_whisper import BatchedInferencePipeline, WhisperModel

        compute = "int8" if device == "cpu" else "float16"
        self._model: Any = WhisperModel(
            str(folder), device=device, compute_type=compute, cpu_threads=THREADS, num_workers=1, local_files_only=True
        )
        self._batched: Any = BatchedInferencePipeline(self._model)

    def text(self, audio: Pcm, language: str | None) -> str:
        """Transcribe one recording."""
        segments, _ = self._model.transcribe(
            floats(audio), language=language, beam_size=5, vad_filter=True, word_timestamps=True
        )
        return _text(segments)

    def plain(self, audio: Pcm, language: str | None) -> str:
        """Transcribe one recording without detection of speech."""
        return _text(self._model.transcribe(floats(audio), language=language, beam_size=5)[0])

    def sequential(self, audios: Sequence[Pcm], language: str | None) -> Sequential:
        """Transcribe requests one after the other."""
        began = time.perf_counter()
        latencies, texts = [], []
        for audio in audios:
            texts.append(self.text(audio, language))
            latencies.append(time.perf_counter() - began)
        return Sequential(latencies[-1], tuple(latencies), tuple(texts))

    def batched(self, audio: Pcm, language: str | None, batch: int) -> str:
        """Transcribe one long recording in batches."""
        segments, _ = self._batched.transcribe(
            floats(audio), language=language, beam_size=5, batch_size=batch, word_timestamps=True
        )
        return _text(segments)


class StockPyannote:
    """The pyannote.audio pipeline itself, on a model's folder and its parameters, at its own step of 0.1."""

    def __init__(self, folder: Path, device: str = "cpu") -> None:
        """Load a pyannote pipeline folder whose segmentation is kept as safetensors."""
        import torch
        from locution_diarizer.adapters import checkpoint
        from locution_diarizer.adapters.pyannote_parts import PLDA  # first: it silences usage reports and warnings
        from pyannote.audio.pipelines import SpeakerDiarization

        config = yaml.safe_load((folder / "config.yaml").read_text(encoding="utf-8"))
        asked = config["pipeline"]["params"]
        self._torch: Any = torch
        self._pipeline: Any = SpeakerDiarization(
            segmentation=checkpoint.build(checkpoint.read(folder / "segmentation")),
            segmentation_step=0.1,
            embedding=str(self._elsewhere(next((folder / "embedding").glob("*.onnx")))),
            embedding_exclude_overlap=asked["embedding_exclude_overlap"],
            clustering=asked["clustering"],
            plda=PLDA.__new__(PLDA),  # the constructor insists on one; this clustering does not use it
            embedding_batch_size=STOCK_BATCH,
            segmentation_batch_size=STOCK_BATCH,
        )
        self._pipeline.instantiate(config["params"])
        self._pipeline.to(torch.device(device))
        torch.set_num_threads(THREADS)

    def _elsewhere(self, embedding: Path) -> Path:
        """Return a link to the embedding without "pyannote" in its path, which pyannote.audio judges a model by."""
        self._links = tempfile.TemporaryDirectory(prefix="locution-bench-")
        link = Path(self._links.name) / embedding.name
        link.symlink_to(embedding)
        return link

    def diarize(self, audio: Pcm) -> Annotation:
        """Return who spoke when."""
        file = {"waveform": self._torch.from_numpy(floats(audio))[None], "sample_rate": RATE}
        found: Annotation = self._pipeline(file).speaker_diarization
        return found


def _text(segments: Any) -> str:
    return " ".join(segment.text.strip() for segment in segments)
