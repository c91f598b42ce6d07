"""Embed the local speakers of windows with WeSpeaker-style models, as ONNX or as pyannote checkpoints."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import onnxruntime
import torch
from locution_speech.clock import SAMPLE_RATE
from locution_speech.pcm import Samples
from onnxruntime.capi import onnxruntime_pybind11_state as faults
from torch.nn.functional import interpolate

from locution_diarizer.adapters import pyannote_parts as parts
from locution_diarizer.domain.models import Activity

MEL_BINS = 80
MIN_FRAMES = 12
OnnxFault = (faults.Fail, faults.InvalidArgument, faults.InvalidGraph, faults.InvalidProtobuf, faults.NoSuchFile)
Values = npt.NDArray[np.float32]


class Embedding(Protocol):
    """Embeds speakers of windows."""

    dimension: int

    def __call__(self, windows: Sequence[Samples], masks: Sequence[Activity]) -> list[Values]:
        """Return (speakers, dimension) per window; a row is NaN if its mask (frames, speakers) holds too little."""
        ...


class OnnxEmbedding:
    """Run a WeSpeaker model exported to ONNX: input `feats` (batch, time, 80), output `embs` (batch, dimension)."""

    def __init__(self, path: Path, *, threads: int, cuda: bool = False) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        providers = ["CUDAExecutionProvider"] if cuda and "CUDAExecutionProvider" in _providers() else []
        self._session = onnxruntime.InferenceSession(
            str(path), sess_options=options, providers=[*providers, "CPUExecutionProvider"]
        )
        self.dimension = int(self._session.get_outputs()[0].shape[-1])

    def __call__(self, windows: Sequence[Samples], masks: Sequence[Activity]) -> list[Values]:
        """Embed; speakers with equally much speech go through the model together."""
        results = [np.full((mask.shape[1], self.dimension), np.nan, dtype=np.float32) for mask in masks]
        by_length: dict[int, list[tuple[int, int, Values]]] = defaultdict(list)
        for index, (window, mask) in enumerate(zip(windows, masks, strict=True)):
            for speaker, features in _speech_features(window, mask):
                by_length[len(features)].append((index, speaker, features))
        for group in by_length.values():
            embedded = self._session.run(["embs"], {"feats": np.stack([features for *_, features in group])})[0]
            for (index, speaker, _), values in zip(group, embedded, strict=True):
                results[index][speaker] = values
        return results


class TorchEmbedding:
    """Runs a pyannote WeSpeaker checkpoint; the speakers of a window share one pass through its convolutions."""

    def __init__(self, model: Any, *, device: torch.device) -> None:
        self._model = model.to(device)
        self._device = device
        self.dimension = int(model.dimension)

    def __call__(self, windows: Sequence[Samples], masks: Sequence[Activity]) -> list[Values]:
        """Embed; the masks weight the statistics pooling."""
        heard = [index for index, mask in enumerate(masks) if mask.any()]
        results = [np.full((mask.shape[1], self.dimension), np.nan, dtype=np.float32) for mask in masks]
        if not heard:
            return results
        waveforms = torch.from_numpy(np.stack([windows[index] for index in heard]))[:, None]
        weights = torch.from_numpy(np.stack([masks[index].T for index in heard]).astype(np.float32))
        with torch.inference_mode():
            embedded = self._model(waveforms.to(self._device), weights=weights.to(self._device)).cpu().numpy()
        for index, values in zip(heard, embedded, strict=True):
            spoken = masks[index].any(axis=0)
            results[index][spoken] = values[spoken]
        return results


def _speech_features(window: Samples, mask: Activity) -> list[tuple[int, Values]]:
    """Return (frames, 80) of each speaker's speech: mel energies minus their mean over the window, as in WeSpeaker."""
    if not mask.any():
        return []
    features = filter_bank(window)
    spread = interpolate(torch.from_numpy(mask.T.astype(np.float32))[None], size=len(features), mode="nearest")[0] > 0.5
    spoken = [(speaker, features[active.numpy()]) for speaker, active in enumerate(spread)]
    return [(speaker, values) for speaker, values in spoken if len(values) >= MIN_FRAMES]


def filter_bank(audio: Samples) -> Values:
    """Return Kaldi's log mel energies (frames, 80), 25 ms every 10 ms, minus their mean over the audio."""
    scaled = torch.from_numpy(audio)[None] * 32768.0
    features = parts.kaldi.fbank(
        scaled,
        num_mel_bins=MEL_BINS,
        frame_length=25,
        frame_shift=10,
        dither=0.0,
        sample_frequency=SAMPLE_RATE,
        window_type="hamming",
        use_energy=False,
    )
    values: Values = (features - features.mean(dim=0, keepdim=True)).numpy()
    return values


def _providers() -> Sequence[str]:
    available: Sequence[str] = onnxruntime.get_available_providers()
    return available
