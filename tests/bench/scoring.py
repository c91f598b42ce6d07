"""Count errors: words (characters for Chinese and Japanese), and seconds given to the wrong speaker."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import jiwer
from locution_gateway.pipeline.speakers import assign
from locution_speech.clock import samples
from locution_speech.clock import seconds as in_seconds
from locution_speech.speakers import Turn
from locution_speech.transcript import Segment as Spoken
from locution_speech.transcript import Word
from pyannote.core import Annotation, Segment, Timeline
from pyannote.metrics.diarization import DiarizationErrorRate

BY_CHARACTER = ("zh", "ja")
NOTE = "Errors: whisper-normalizer on both sides (English, else basic), counted by jiwer; characters for zh and ja."


@dataclass(frozen=True, slots=True)
class Errors:
    """Errors against a reference of so many words, or characters."""

    substitutions: int = 0
    deletions: int = 0
    insertions: int = 0
    length: int = 0

    @property
    def count(self) -> int:
        """Return all errors."""
        return self.substitutions + self.deletions + self.insertions

    @property
    def rate(self) -> float:
        """Return the error rate."""
        return self.count / self.length if self.length else 0.0

    def text(self) -> str:
        """Return the rate with its deletions and insertions."""
        return f"{self.rate:.2%} ({self.deletions} deleted, {self.insertions} inserted of {self.length})"


@dataclass(frozen=True, slots=True)
class Confusion:
    """Seconds in error against seconds of reference speech."""

    wrong: float = 0.0
    spoken: float = 0.0

    @property
    def rate(self) -> float:
        """Return the diarization error rate."""
        return self.wrong / self.spoken if self.spoken else 0.0


@dataclass(frozen=True, slots=True)
class Judged:
    """A word in reference speech: whether its speaker is wrong, and how sure its label was."""

    wrong: bool
    confidence: float


def errors(reference: str, found: str, language: str) -> Errors:
    """Compare a text with its reference."""
    wanted, said = units(reference, language), units(found, language)
    if not wanted:
        return Errors(insertions=len(said))
    done = jiwer.process_words(" ".join(wanted), " ".join(said))
    return Errors(done.substitutions, done.deletions, done.insertions, len(wanted))


def units(text: str, language: str) -> list[str]:
    """Return what errors are counted in."""
    normal = _normaliser(language)(text)
    return list(normal.replace(" ", "")) if language in BY_CHARACTER else normal.split()


def mean(readings: Sequence[Errors]) -> Errors:
    """Return the errors of several readings of one reference, rounded to whole words each."""
    total, count = pooled(readings), len(readings)
    return Errors(
        *(round(each / count) for each in (total.substitutions, total.deletions, total.insertions, total.length))
    )


def pooled(parts: Iterable[Errors]) -> Errors:
    """Add up recordings."""
    total = Errors()
    for part in parts:
        total = Errors(
            total.substitutions + part.substitutions,
            total.deletions + part.deletions,
            total.insertions + part.insertions,
            total.length + part.length,
        )
    return total


def confusion(expected: Annotation, found: Annotation, seconds: float) -> Confusion:
    """Compare turns with their reference: no collar, overlap scored."""
    metric = DiarizationErrorRate(collar=0.0, skip_overlap=False)
    parts = metric(expected, found, uem=Timeline([Segment(0, seconds)]), detailed=True)
    return Confusion(parts["false alarm"] + parts["missed detection"] + parts["confusion"], parts["total"])


def pooled_confusion(parts: Iterable[Confusion]) -> Confusion:
    """Add up recordings."""
    found = list(parts)
    return Confusion(sum(part.wrong for part in found), sum(part.spoken for part in found))


def overlap(expected: Annotation, found: Annotation) -> float:
    """Return the seconds in which several people speak by the reference and by what was found."""
    shared: Timeline = expected.get_overlap().crop(found.get_overlap())
    return float(shared.duration())


def judged(segments: Sequence[Spoken], expected: Annotation, found: Annotation) -> list[Judged]:
    """Give words the speakers of the turns found, as a job does, and judge those whose middle is reference speech.

    A word is right if its speaker, by the mapping that the DER uses, is one of those who speak at its middle.
    """
    turns = [
        Turn(samples(segment.start), samples(segment.end), str(label))
        for segment, _, label in found.itertracks(yield_label=True)
    ]
    mapping = DiarizationErrorRate(collar=0.0, skip_overlap=False).optimal_mapping(expected, found)
    words = [word for segment in assign(segments, turns) for word in segment.words]
    judgements = ((word, _speaking(expected, word)) for word in words)
    return [
        Judged(mapping.get(word.speaker) not in people, word.speaker_confidence or 0.0)
        for word, people in judgements
        if people
    ]


def _speaking(expected: Annotation, word: Word) -> set[str]:
    middle = in_seconds(word.start + word.end) / 2
    return {
        label for segment, _, label in expected.itertracks(yield_label=True) if segment.start <= middle < segment.end
    }


def annotation(turns: Sequence[tuple[float, float, str]]) -> Annotation:
    """Build an annotation of (start, end, speaker), in seconds."""
    made = Annotation()
    for track, (start, end, speaker) in enumerate(turns):
        if end > start:
            made[Segment(start, end), track] = speaker
    return made


@lru_cache
def _normaliser(language: str) -> Callable[[str], str]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the package's own source has invalid escapes
        from whisper_normalizer.basic import BasicTextNormalizer
        from whisper_normalizer.english import EnglishTextNormalizer
    normaliser: Callable[[str], str] = EnglishTextNormalizer() if language == "en" else BasicTextNormalizer()
    return normaliser
