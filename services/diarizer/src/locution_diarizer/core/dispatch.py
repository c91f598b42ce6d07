"""The dispatcher's requests, and how its slots share them."""

from __future__ import annotations

import logging
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

from locution_common.errors import Reason, Refused
from locution_speech.clock import seconds
from locution_speech.engine.dispatch import Dispatcher, Load, Served
from locution_speech.engine.models import Flow, TrafficClass
from locution_speech.engine.queue import Room
from locution_speech.pcm import Samples

from locution_diarizer.domain.models import WindowSpeakers
from locution_diarizer.domain.ports import LoadedModel

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, eq=False)
class WindowRequest:
    """One window to analyse; `cost` is in seconds of new audio."""

    flow: Flow
    model: LoadedModel
    audio: Samples

    @property
    def cost(self) -> float:
        """Return the seconds of new audio."""
        return seconds(self.model.speaker_model.grid.step)

    @property
    def shape(self) -> Hashable:
        """Return the batch key: windows of one model, which all have the same length."""
        return id(self.model)

    @property
    def batch_size(self) -> int:
        """Return the most windows in a batch."""
        return self.model.batch_size


Analysing = Dispatcher[WindowRequest, WindowSpeakers]
Analysed = Served[WindowSpeakers]


class EvenShares:
    """Shares the waiting windows among the free slots, so that no slot idles while another computes."""

    def note(self, traffic: TrafficClass, now: float) -> None:
        """Do nothing."""

    def room(self, load: Load) -> Room:
        """Return an even share, rounded up."""
        share = -(-load.waiting // load.free)
        return Room(live=share, files=share)

    def again(self) -> float:
        """Return at once: nothing is held back."""
        return 0.0


def analyse(batch: Sequence[WindowRequest]) -> list[WindowSpeakers | Exception]:
    """Analyse a batch. If it fails, analyse each window alone, so that one bad window fails alone."""
    model = batch[0].model.speaker_model
    try:
        return [*model.analyse([request.audio for request in batch])]
    except Exception as error:  # noqa: BLE001 - whatever a model raises is one window's failure, reported to its caller
        if len(batch) == 1:
            _log.error("the model failed on a window", exc_info=error)
            return [Refused(Reason.INFERENCE_FAILED, "the model failed on a window of the audio")]
    return [result for request in batch for result in analyse([request])]
