"""Find the best batch size when a model is loaded."""

from __future__ import annotations

from collections.abc import Callable, Iterable

WORTHWHILE = 1.05


def best_batch(trial: Callable[[int], float], free_memory: Callable[[], int], reserve: int, largest: int) -> int:
    """Return the batch size with the best pace that leaves `reserve` bytes free.

    Sizes double from 1 while `trial`, which decodes a batch and returns its seconds, becomes at least 5 % faster per
    window. A trial that raises MemoryError, or leaves too little memory, ends the search at the previous size.
    """
    best, pace = 1, float("inf")
    for size in _sizes(largest):
        try:
            each = trial(size) / size
        except MemoryError:
            break
        if free_memory() < reserve or each * WORTHWHILE > pace:
            break
        best, pace = size, each
    return best


def _sizes(largest: int) -> Iterable[int]:
    size = 1
    while size <= largest:
        yield size
        size *= 2
