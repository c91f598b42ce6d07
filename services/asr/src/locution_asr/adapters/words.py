"""Make words from tokens and the aligner's path, as openai-whisper's timing.py does."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
from faster_whisper.tokenizer import Tokenizer
from locution_speech.clock import samples
from locution_speech.languages import ends_sentence
from locution_speech.transcript import Word, text_of

STEP = samples(0.02)
OPENING = frozenset("\"'“¿([{-‘«「『")
CLOSING = frozenset("\"'.。,，!！?？:：”)]}、’»」』;…")
LONGEST_FACTOR = 2.0
LONGEST_WORD = samples(1.4)
LONGEST_USUAL = samples(0.7)


def timed_words(
    tokenizer: Tokenizer,
    tokens: Sequence[int],
    path: Sequence[tuple[int, int]],
    probabilities: Sequence[float],
    length: int,
) -> list[Word]:
    """Return the words of `tokens` with their times in samples of the window, at most `length`.

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
        _word(int(starts[a]), int(starts[b]), text, _mean(probabilities[a:b]))
        for text, a, b in zip(texts, bounds[:-1], bounds[1:], strict=True)
    ]
    return _shortened(list(_merged(words)))


def _word(start: int, end: int, text: str, probability: float | None, aligned: bool = True) -> Word:
    return Word(start, end, text.strip(), probability, aligned, spaced=text.startswith(" "))


def _token_starts(path: Sequence[tuple[int, int]], count: int, length: int) -> np.ndarray | None:
    """Return when each token and the end begins, in samples; None when the path does not reach them all."""
    if not path:
        return None
    tokens, steps = np.array(path).T
    jumps = np.diff(tokens, prepend=-1) > 0
    starts = np.minimum(steps[jumps] * STEP, length)
    return starts if len(starts) > count else None


def _mean(values: Sequence[float]) -> float | None:
    return float(np.clip(np.mean(values), 0.0, 1.0)) if len(values) else None


def _merged(words: Sequence[Word]) -> Iterator[Word]:
    """Join punctuation to its word: opening marks to the next word, closing marks to the previous one."""
    held: Word | None = None
    for word in words:
        if held and (_opens(held) or _closes(word)):
            held = _join(held, word)
        else:
            if held:
                yield held
            held = word
    if held:
        yield held


def _opens(word: Word) -> bool:
    return word.spaced and word.text in OPENING


def _closes(word: Word) -> bool:
    return not word.spaced and bool(word.text) and all(mark in CLOSING for mark in word.text)


def _join(first: Word, second: Word) -> Word:
    """Join two; times and probability are those of the spoken one."""
    spoken = second if _opens(first) else first
    return replace(spoken, text=text_of([first, second]), spaced=first.spaced)


def _shortened(words: list[Word]) -> list[Word]:
    """Shorten words that absorbed a pause: a first word keeps its end, a word before a pause keeps its start."""
    lengths = [word.length for word in words if word.length]
    longest = min(LONGEST_WORD, int(LONGEST_FACTOR * min(LONGEST_USUAL, np.median(lengths)))) if lengths else 0
    result = []
    for index, word in enumerate(words):
        if longest and word.length > longest:
            begins = index == 0 or ends_sentence(words[index - 1].text)
            if begins:
                word = replace(word, start=word.end - longest)
            elif ends_sentence(word.text) or index == len(words) - 1:
                word = replace(word, end=word.start + longest)
        result.append(word)
    return result


def _spread(texts: Sequence[str], length: int) -> Iterator[Word]:
    """Share `length` samples among the words by their letters."""
    total = sum(len(text) for text in texts)
    at = 0
    for text in texts:
        end = at + len(text)
        yield _word(length * at // total, length * end // total, text, None, aligned=False)
        at = end
