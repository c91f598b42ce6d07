"""Import the parts of pyannote.audio that we use, without its usage reports and warnings.

pyannote.audio reports usage to its vendor unless PYANNOTE_METRICS_ENABLED is set before the first import. At import it
warns that torchcodec found no FFmpeg, which we never need: we pass waveforms, not paths.
"""

from __future__ import annotations

import os
import warnings

os.environ["PYANNOTE_METRICS_ENABLED"] = "0"

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import torchaudio.compliance.kaldi as kaldi
    from pyannote.audio import Inference, Model
    from pyannote.audio.core.plda import PLDA
    from pyannote.audio.core.task import Problem, Resolution, Specifications
    from pyannote.audio.models.embedding.wespeaker import (
        WeSpeakerResNet34,
        WeSpeakerResNet152,
        WeSpeakerResNet221,
        WeSpeakerResNet293,
    )
    from pyannote.audio.models.segmentation import PyanNet
    from pyannote.audio.pipelines import clustering
    from pyannote.audio.pipelines.clustering import AgglomerativeClustering, VBxClustering
    from pyannote.audio.pipelines.utils.diarization import SpeakerDiarizationMixin
    from pyannote.audio.utils import vbx
    from pyannote.audio.utils.powerset import Powerset
    from pyannote.core import SlidingWindow, SlidingWindowFeature

__all__ = [
    "PLDA",
    "AgglomerativeClustering",
    "Inference",
    "Model",
    "Powerset",
    "Problem",
    "PyanNet",
    "Resolution",
    "SlidingWindow",
    "SlidingWindowFeature",
    "SpeakerDiarizationMixin",
    "Specifications",
    "VBxClustering",
    "WeSpeakerResNet34",
    "WeSpeakerResNet152",
    "WeSpeakerResNet221",
    "WeSpeakerResNet293",
    "clustering",
    "kaldi",
    "vbx",
]
