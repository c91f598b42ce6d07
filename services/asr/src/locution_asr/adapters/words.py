"""Make words of tokens and of the aligner's path, as openai-whisper's timing.py does."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
from faster_whisper.tokenizer import Tokenizer
from locution_speech.languages import ends_sentence

from locution_asr.domain.ports import TimedWord

SECONDS_PER_STEP = 0.02
OPENING = frozenset("\"'“¿([{-‘«「『")
CLOSING = frozenset("\"'.。,，!！?？:：”)]}、’»」』;…")
LONGEST_FACTOR = 2.0
LONGEST_WORD = 1.4


def timed_words(
    tokenizer: Tokenizer,
    tokens: Sequence[int],
    path: Sequence[tuple[int, int]],
    probabilities: Sequence[float],
    length: float,
) -> list[TimedWord]:
    """Return the words of `tokens` with their times, at most `length` seconds.

    `path` pairs token indices with encoder steps of 20 ms. Where it is unusable, times are spread by length.
    """
    texts, groups = tokenizer.split_to_word_tokens([*tokens, tokenizer.eot])
    texts, groups = texts[:-1], groups[:-1]
    if not texts:
        return []
    bounds = np.cumsum([0, *(len(group) for group in groups)])
    starts = _token_starts(path, len(tokens), length)
    if starts is None:
        return list(_spread(texts, length))
    words = [
        TimedWord(text, float(starts[a]), float(starts[b]), _mean(probabilities[a:b]))
        for text, a, b in zip(texts, bounds[:-1], bounds[1:], strict=True)
    ]
    return _shortened(list(_merged(words)))


def _token_starts(path: Sequence[tuple[int, int]], count: int, length: float) -> np.ndarray | None:
    """Return when each token and the end begins, in seconds; None when the path does not reach them all."""
    if not path:
        return None
    tokens, steps = np.array(path).T
    jumps = np.diff(tokens, prepend=-1) > 0
    starts = np.minimum(steps[jumps] * SECONDS_PER_STEP, length)
    return starts if len(starts) > count else None


def _mean(values: Sequence[float]) -> float | None:
    return float(np.clip(np.mean(values), 0.0, 1.0)) if len(values) else None


def _merged(words: Sequence[TimedWord]) -> Iterator[TimedWord]:
    """Join punctuation to the word that it belongs to: opening marks to the next, closing ones to the last."""
    held: TimedWord | None = None
    for word in words:
        if held and (_opens(held) or _closes(word)):
            held = _join(held, word)
        else:
            if held:
                yield held
            held = word
    if held:
        yield held


def _opens(word: TimedWord) -> bool:
    return word.text.startswith(" ") and word.text.strip() in OPENING


def _closes(word: TimedWord) -> bool:
    text = word.text
    return not text.startswith(" ") and bool(text) and all(mark in CLOSING for mark in text)


def _join(first: TimedWord, second: TimedWord) -> TimedWord:
    """Join two; the times and the probability are those of the one that is spoken."""
    spoken = second if _opens(first) else first
    return replace(spoken, text=first.text + second.text)


def _shortened(words: list[TimedWord]) -> list[TimedWord]:
    """Shorten words that swallowed a pause: a first word keeps its end, one before a pause keeps its start."""
    lengths = [word.end - word.start for word in words if word.end > word.start]
    longest = min(LONGEST_WORD, LONGEST_FACTOR * min(0.7, float(np.median(lengths)))) if lengths else 0.0
    result = []
    for index, word in enumerate(words):
        if longest and word.end - word.start > longest:
            begins = index == 0 or ends_sentence(words[index - 1].text)
            if begins:
                word = replace(word, start=word.end - longest)
            elif ends_sentence(word.text) or index == len(words) - 1:
                word = replace(word, end=word.start + longest)
        result.append(word)
    return result


def _spread(texts: Sequence[str], length: float) -> Iterator[TimedWord]:
    """Share `length` seconds among the words by their letters."""
    total = sum(len(text) for text in texts)
    at = 0
    for text in texts:
        end = at + len(text)
        yield TimedWord(text, length * at / total, length * end / total, None, aligned=False)
        at = end
