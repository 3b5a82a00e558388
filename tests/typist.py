"""Standard input of a viewer without a screen."""

import threading
from collections.abc import Iterator

from tests.viewer.scripted_engine import DEADLINE_S


class Typist:
    """Lines that come when a test types them."""

    def __init__(self) -> None:
        self._typed: list[str | None] = []
        self._there = threading.Condition()

    def type(self, *lines: str | None) -> None:
        with self._there:
            self._typed.extend(lines)
            self._there.notify()

    def __iter__(self) -> Iterator[str]:
        while True:
            with self._there:
                self._there.wait_for(lambda: self._typed, DEADLINE_S)
                line = self._typed.pop(0) if self._typed else None
            if line is None:
                return
            yield line
