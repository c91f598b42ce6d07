"""Run Whisper models with CTranslate2."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import ctranslate2
import numpy as np
import tokenizers
from faster_whisper.tokenizer import _LANGUAGE_CODES, Tokenizer
from locution_speech.asr import Task
from locution_speech.capabilities import Capabilities
from locution_speech.languages import from_whisper, to_whisper
from locution_speech.transcript import Word
from numpy.typing import NDArray

from locution_asr.adapters.mel import HOP, MelFeatures
from locution_asr.adapters.words import timed_words
from locution_asr.domain.models import Pcm
from locution_asr.domain.ports import Draft, Prompt, Search

CONTEXT_TOKENS = 448
PROMPT_TOKENS = 200
HOTWORD_TOKENS = 100
SHORTEST_ALIGNMENT = 32
ALIGNED_AT_ONCE = 8
"""Rows that a GPU aligns together: the logits of all tokens over the whole vocabulary take up to 45 MiB per row.

A CPU aligns one row at a time, which is as fast.
"""


class WhisperRecogniser:
    """One Whisper model. Calls from several threads run in parallel on the model's workers."""

    def __init__(self, model: Any, folder: Path) -> None:
        self._model = model
        self._text = tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json"))
        self._mel = MelFeatures(model.n_mels)
        self.tokenizer = lru_cache(maxsize=256)(self._tokenizer)
        self._capabilities = self._inspect()
        self.suppressed = _suppressed(self._tokenizer("en", Task.TRANSCRIBE))

    @property
    def capabilities(self) -> Capabilities:
        """Return what the model can do."""
        return self._capabilities

    def encode(self, windows: Sequence[Pcm], length: int) -> WhisperEncoding:
        """Encode windows, each padded to `length` samples."""
        features = self._mel(windows, length)
        encoded = self._one_by_one(features) if self._model.device == "cpu" else self._at_once(features)
        return WhisperEncoding(self, self._model, encoded, len(windows), length)

    def close(self) -> None:
        """Free the model's memory."""
        self._model.unload_model()

    def _at_once(self, features: NDArray[np.float32]) -> Any:
        return self._model.encode(ctranslate2.StorageView.from_array(features))

    def _one_by_one(self, features: NDArray[np.float32]) -> Any:
        """Encode rows one by one: on a CPU a batch exceeds the caches and takes up to half as long again."""
        rows = [np.array(self._at_once(features[row : row + 1])) for row in range(len(features))]
        return ctranslate2.StorageView.from_array(np.concatenate(rows))

    def _inspect(self) -> Capabilities:
        multilingual = bool(self._model.is_multilingual)
        known = {code for code in _LANGUAGE_CODES if self._text.token_to_id(f"<|{code}|>") is not None}
        languages = tuple(map(from_whisper, sorted(known))) if multilingual else ("en",)
        return Capabilities(languages, multilingual, multilingual, word_times=True, prompt=True)

    def _tokenizer(self, language: str, task: Task) -> Tokenizer:
        return Tokenizer(self._text, self._capabilities.language_detection, task.lower(), to_whisper(language))


class WhisperEncoding:
    """The encoder's output for one batch, on the model's device."""

    def __init__(self, recogniser: WhisperRecogniser, model: Any, encoded: Any, rows: int, length: int) -> None:
        self._recogniser = recogniser
        self._model = model
        self._encoded = encoded
        self._rows = rows
        self._length = length
        self._on_host: NDArray[Any] | None = None

    def detect_languages(self) -> Sequence[Mapping[str, float]]:
        """Return each row's probability of every language."""
        found = self._model.detect_language(self._encoded)
        return [{from_whisper(token[2:-2]): probability for token, probability in row} for row in found]

    def generate(self, rows: Sequence[int], prompts: Sequence[Prompt], search: Search) -> Sequence[Draft]:
        """Return one draft per row. CTranslate2 decodes only rows with equally long prompts together."""
        token_prompts = [self._prompt(prompt) for prompt in prompts]
        drafts: dict[int, Draft] = {}
        for length in sorted({len(tokens) for tokens in token_prompts}):
            chosen = [i for i, tokens in enumerate(token_prompts) if len(tokens) == length]
            results = self._search([rows[i] for i in chosen], [token_prompts[i] for i in chosen], search)
            drafts |= {i: self._draft(prompts[i], result, search) for i, result in zip(chosen, results, strict=True)}
        return [drafts[i] for i in range(len(rows))]

    def _search(self, rows: Sequence[int], token_prompts: list[list[int]], search: Search) -> Sequence[Any]:
        sampled = search.temperature > 0
        found: Sequence[Any] = self._model.generate(
            self._select(rows),
            token_prompts,
            beam_size=1 if sampled else search.beam_size,
            no_repeat_ngram_size=search.no_repeat_ngram,
            max_length=_max_length(search.max_tokens, len(token_prompts[0])),
            sampling_topk=0 if sampled else 1,
            sampling_temperature=search.temperature if sampled else 1.0,
            suppress_tokens=self._recogniser.suppressed,
            return_scores=True,
            return_no_speech_prob=True,
        )
        return found

    def align(
        self, rows: Sequence[int], prompts: Sequence[Prompt], drafts: Sequence[Draft], lengths: Sequence[int]
    ) -> Sequence[Sequence[Word]]:
        """Return the words of `rows`; rows of one language and task are aligned together."""
        at_once = 1 if self._model.device == "cpu" else ALIGNED_AT_ONCE
        words: dict[int, list[Word]] = {}
        kinds = {(prompt.language, prompt.task) for prompt in prompts}
        for language, task in sorted(kinds, key=str):
            tokenizer = self._recogniser.tokenizer(language, task)
            alike = [i for i, p in enumerate(prompts) if (p.language, p.task) == (language, task)]
            for chosen in (alike[at : at + at_once] for at in range(0, len(alike), at_once)):
                results = self._model.align(
                    self._select([rows[i] for i in chosen]),
                    tokenizer.sot_sequence,
                    [list(drafts[i].tokens) for i in chosen],
                    [max(SHORTEST_ALIGNMENT, lengths[i] // HOP) for i in chosen],
                )
                for i, result in zip(chosen, results, strict=True):
                    words[i] = timed_words(
                        tokenizer, drafts[i].tokens, result.alignments, result.text_token_probs, lengths[i]
                    )
        return [words[i] for i in range(len(rows))]

    def _select(self, rows: Sequence[int]) -> Any:
        """Return some rows of the encoder's output; it is copied to the host once, if rows must be selected."""
        if list(rows) == list(range(self._rows)):
            return self._encoded
        if self._on_host is None:
            self._on_host = np.array(self._encoded.to_device(ctranslate2.Device.cpu))
        return ctranslate2.StorageView.from_array(np.ascontiguousarray(self._on_host[list(rows)]))

    def _prompt(self, prompt: Prompt) -> list[int]:
        tokenizer = self._recogniser.tokenizer(prompt.language, prompt.task)
        hotwords = _plain(tokenizer, ", ".join(prompt.hotwords))[:HOTWORD_TOKENS]
        text = _plain(tokenizer, prompt.text)[-(PROMPT_TOKENS - len(hotwords)) :]
        before = [tokenizer.sot_prev, *hotwords, *text] if hotwords or text else []
        return [*before, *tokenizer.sot_sequence, tokenizer.no_timestamps]

    def _draft(self, prompt: Prompt, result: Any, search: Search) -> Draft:
        tokenizer = self._recogniser.tokenizer(prompt.language, prompt.task)
        tokens = tuple(token for token in result.sequences_ids[0] if token < tokenizer.eot)
        count = len(result.sequences_ids[0])
        return Draft(
            tokens=tokens,
            text=tokenizer.decode(list(tokens)),
            mean_log_probability=result.scores[0] * count / (count + 1),
            no_speech_probability=result.no_speech_prob,
            capped=count >= search.max_tokens,
        )


def _plain(tokenizer: Tokenizer, text: str) -> list[int]:
    """Encode text without producing special tokens."""
    return [token for token in tokenizer.encode(" " + text) if token < tokenizer.eot] if text else []


def _suppressed(tokenizer: Tokenizer) -> list[int]:
    """List the tokens that no text contains: sound descriptions and control tokens."""
    special = (tokenizer.transcribe, tokenizer.translate, tokenizer.sot, tokenizer.sot_prev, tokenizer.sot_lm)
    return sorted({*tokenizer.non_speech_tokens, *(token for token in special if token is not None)})


def _max_length(max_tokens: int, prompt: int) -> int:
    """Return the `max_length` with which CTranslate2 generates `max_tokens`: it uses half of it, or what is left."""
    return min(CONTEXT_TOKENS, max(2 * max_tokens, max_tokens + prompt))
