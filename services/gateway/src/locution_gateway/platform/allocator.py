"""Keep resident memory near what is in use.

glibc raises its threshold for mapped blocks to the largest freed block: after the first part of an upload, such blocks
come from heaps, which fragment and are never returned. With a fixed threshold every large buffer is a mapping of its
own that is released when freed (mallopt(3)).
"""

from __future__ import annotations

import ctypes
from typing import Final

_M_MMAP_THRESHOLD: Final = -3
_M_ARENA_MAX: Final = -8

_LARGE: Final = 256 * 1024
_ARENAS: Final = 2


def return_large_buffers() -> None:
    """Fix the allocator's threshold and number of arenas; does nothing if the C library has no mallopt."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_MMAP_THRESHOLD, _LARGE)
        mallopt(_M_ARENA_MAX, _ARENAS)
