"""Standard streams of the process: all three are open."""

import os
import sys

STREAMS = (("stdin", os.O_RDONLY, "r"), ("stdout", os.O_WRONLY, "w"), ("stderr", os.O_WRONLY, "w"))
"""Name, flags and mode of each, in the order of their descriptors."""


def open_missing_streams() -> None:
    """Open the null device in place of each standard stream that the process was started without, as by `2>&-`.

    Otherwise the next file or socket gets its descriptor, and text that a sound library writes to standard error ends
    up in a recording.
    """
    for descriptor, (name, flags, mode) in enumerate(STREAMS):
        try:
            os.fstat(descriptor)
        except OSError:
            # The lowest free descriptor, because all below it are open.
            os.set_inheritable(os.open(os.devnull, flags), True)
        if getattr(sys, name) is None:
            setattr(sys, name, open(descriptor, mode, encoding="utf-8", closefd=False))  # noqa: SIM115 - stays open
