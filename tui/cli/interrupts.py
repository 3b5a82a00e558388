"""Ctrl-C that Python would lose: one that arrives while a callback of the interpreter runs.

The interpreter ignores exceptions of such callbacks, with a message; each import ends with one.
"""

import signal
import sys
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sys import UnraisableHookArgs

AGAIN_S = 0.05
"""Seconds after which a lost Ctrl-C is delivered again, when the callback is over."""


def keep_interrupts() -> None:
    """Deliver a Ctrl-C again if a callback of the interpreter has lost it."""
    before = sys.unraisablehook
    if getattr(before, "__module__", "") == __name__:
        return

    def report(unraisable: "UnraisableHookArgs") -> None:
        if issubclass(unraisable.exc_type, KeyboardInterrupt):
            _interrupt_again()
        else:
            before(unraisable)

    sys.unraisablehook = report


def _interrupt_again() -> None:
    main_thread = threading.main_thread().ident
    assert main_thread is not None
    again = threading.Timer(AGAIN_S, signal.pthread_kill, (main_thread, signal.SIGINT))
    again.daemon = True
    again.start()
