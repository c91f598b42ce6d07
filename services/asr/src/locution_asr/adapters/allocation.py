"""Keep freed memory for the next batch. Call it before threads start."""

from __future__ import annotations

import ctypes

M_TRIM_THRESHOLD = -1
M_MMAP_THRESHOLD = -3
M_ARENA_MAX = -8
NEVER = (1 << 31) - 1
LARGEST = 1 << 30


def keep_freed_memory() -> None:
    """Tell glibc to keep freed memory, in one arena, instead of returning it to the kernel after every call.

    An encoder pass over 30 s allocates several hundred MiB each time; faulting their pages in took a quarter of its
    time. The peak bounds what is kept. See mallopt(3); without glibc this does nothing.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return
    for parameter, value in ((M_ARENA_MAX, 1), (M_MMAP_THRESHOLD, LARGEST), (M_TRIM_THRESHOLD, NEVER)):
        mallopt(parameter, value)
