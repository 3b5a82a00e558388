"""Memory of the speech model, kept between decodes: without that, getting it takes a fifth of the encoder's time."""

import ctypes
import sys

MMAP_THRESHOLD = (-3, 64 << 20)
"""Bytes from which a block is returned to the system at once. The largest of a decode, the weights of the encoder's
attention over 30 s, has 54 MB; by itself, the C library keeps blocks up to 32 MB."""
TRIM_THRESHOLD = (-1, 128 << 20)
"""Free bytes at the end of the heap from which they are returned."""
ARENA_MAX = (-8, 1)
"""Heaps: with one for each thread, each would keep blocks of its own."""


def keep_large_blocks() -> bool:
    """Let glibc keep the memory of large blocks for the next decode; return whether it does.

    The parameters are those of mallopt(3), by their numbers in malloc.h. Other C libraries are left as they are.
    """
    if sys.platform != "linux":
        return False
    try:
        set_option = ctypes.CDLL(None).mallopt
    except AttributeError:
        return False
    return all(set_option(*option) for option in (MMAP_THRESHOLD, TRIM_THRESHOLD, ARENA_MAX))
