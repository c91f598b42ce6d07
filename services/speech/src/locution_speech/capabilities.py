"""What a model can do."""

from __future__ import annotations

from dataclasses import dataclass

from locution_speech.languages import canonical


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a model can do; other options are refused. `languages` are BCP-47 tags."""

    languages: tuple[str, ...] = ()
    language_detection: bool = False
    translation: bool = False
    word_times: bool = False
    prompt: bool = False
    speaker_counts: bool = False
    overlap: bool = False

    def knows(self, language: str) -> bool:
        """Tell whether the model knows a language, by its tag or by the tag without region and script."""
        return language in self.languages or canonical(language) in self.languages
