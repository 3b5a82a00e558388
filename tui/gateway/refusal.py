"""Why a client is sent away."""


class Refusal(Exception):
    """The session cannot go on: an `Error`, then a close with the same code."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        """Close code, as in `tui.stream.protocol.ending`."""
        self.reason = reason
