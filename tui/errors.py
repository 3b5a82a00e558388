"""What livegist raises when a person has to do something about it."""

import errno
from typing import ClassVar


def file_error_hint(error: OSError) -> str:
    """Return what a person can do about a file that the system refuses."""
    match error.errno:
        case errno.EACCES | errno.EPERM:
            return "It is not yours to do so: look whose it is and who may write there, with ls -l."
        case errno.EROFS:
            return "The disk takes nothing: it was mounted to be read alone."
        case errno.ENOSPC | errno.EDQUOT:
            return "The disk is full: make room."
        case _:
            return "Is the disk there, and in order?"


class LivegistError(Exception):
    """Say what happened and what to do, in one line each."""

    exit_code: ClassVar[int] = 1
    """Exit code of a command that ends with this error: 1 failed, 2 usage."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        """What the person can do about it; empty if there is nothing to do."""


class UsageError(LivegistError):
    """An option, a file or a value the person gave cannot be right."""

    exit_code = 2


class ConfigError(UsageError):
    """An entry in the config file, the environment or a prompt or theme file is wrong."""


class SourceError(LivegistError):
    """A source of sound cannot be opened or broke while it was read."""


class EndpointError(LivegistError):
    """The streaming endpoint refused us or cannot be reached."""


class ChatError(LivegistError):
    """A chat completion failed."""

    def __init__(
        self, message: str, hint: str = "", *, status: int = 0, retry: bool = False, retry_after_s: float | None = None
    ) -> None:
        super().__init__(message, hint)
        self.status = status
        """HTTP status of the refusal; 0 if it was none."""
        self.retry = retry
        """Whether the same request may succeed later."""
        self.retry_after_s = retry_after_s
        """Seconds the server asks to wait; `None` if it did not say."""


class EngineError(LivegistError):
    """The engine process cannot be started, found or spoken to."""


class SessionError(LivegistError):
    """A session on disk cannot be found, read or written."""


class MissingExtraError(LivegistError):
    """A part of livegist needs packages that are not installed."""

    def __init__(self, what: str, extra: str) -> None:
        super().__init__(
            f"{what} needs packages that are not installed.",
            f"Install them with: pip install 'livegist[{extra}]'",
        )
