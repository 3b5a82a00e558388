"""Remove the reasoning that some models write before their answer, in tags. Pure."""

TAGS = {"<think>": "</think>", "<thinking>": "</thinking>"}


class ReasoningFilter:
    """Takes an answer piece by piece; returns what follows its reasoning."""

    def __init__(self) -> None:
        self._held = ""
        self._close: str | None = None
        """The tag that ends the reasoning; `None` outside it."""
        self._answering = False

    def feed(self, text: str) -> str:
        """Return the part of the answer that is certain with the next piece."""
        if self._answering:
            return text
        self._held += text
        if self._close is None:
            start = self._held.lstrip()
            self._close = next((close for tag, close in TAGS.items() if start.startswith(tag)), None)
            if self._close is None:
                return "" if any(tag.startswith(start) for tag in TAGS) else self._answer(self._held)
        _, closed, answer = self._held.partition(self._close)
        answer = answer.lstrip()
        # Empty lines follow the reasoning, perhaps in the next piece.
        return self._answer(answer) if closed and answer else ""

    def end(self) -> str:
        """Return what was held back at the end of an answer; reasoning that never ended is none."""
        return "" if self._answering or self._close is not None else self._answer(self._held)

    def _answer(self, text: str) -> str:
        self._answering = True
        return text


def without_reasoning(text: str) -> str:
    """Return a whole answer without its reasoning."""
    found = ReasoningFilter()
    return found.feed(text) + found.end()
