"""Errors with a message and a hint for the person at the screen.

    LivegistError                  exit code 1
    ├── UsageError                 exit code 2: an option, file or value is wrong
    │   ├── ConfigError            an entry of a config, prompt or theme file or of the environment is wrong
    │   └── FullyTranscribedError  recover was asked for, and nothing is left to transcribe
    ├── SourceError                an audio source cannot be opened or read
    │   ├── DamagedFileError       a sound file cannot be read to its end (tui/audio/sound_file.py)
    │   ├── SilentServerError      the sound server does not answer (tui/audio/pulse.py)
    │   └── StoppedServerError     the sound server does not run any more (tui/audio/pulse.py)
    ├── EndpointError              the streaming endpoint refuses the session or cannot be reached
    ├── ChatError                  a chat completion failed
    ├── EngineError                the engine process cannot be started, found or reached
    │   └── VersionError           the engine is another version
    ├── SessionError               a stored session cannot be found, read or written
    ├── MissingExtraError          an optional package is not installed
    ├── CommandError               a configured command failed (tui/user_command.py)
    ├── HookError                  a webhook was not delivered (tui/sessions/hooks.py)
    └── NotAModelError             a name or folder is not a speech model (tui/gateway/speech_models.py)

Errors that never reach a person derive from `Exception` in the module that raises and catches them.
"""

import errno
from typing import ClassVar


def file_error_hint(error: OSError) -> str:
    """Return a hint for a file operation that the operating system refused."""
    match error.errno:
        case errno.EACCES | errno.EPERM:
            return "Permission denied. Check owner and permissions with: ls -l"
        case errno.EROFS:
            return "The disk is mounted read-only."
        case errno.ENOSPC | errno.EDQUOT:
            return "The disk is full. Free some space."
        case _:
            return "Check that the disk is connected and works."


def database_error_hint(error: Exception, otherwise: str) -> str:
    """Return a hint for an error of SQLite: that the disk is full, or another one."""
    is_full = getattr(error, "sqlite_errorname", "") == "SQLITE_FULL"
    return file_error_hint(OSError(errno.ENOSPC, "")) if is_full else otherwise


class LivegistError(Exception):
    """Base of all errors that a person sees: a message and a hint, one line each."""

    exit_code: ClassVar[int] = 1
    """Exit code of a command that ends with this error: 1 failed, 2 usage."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        """What to do about the error; empty if nothing can be done."""


class UsageError(LivegistError):
    """An option, a file or a value is not valid."""

    exit_code = 2


class ConfigError(UsageError):
    """An entry of the config file, the environment, a prompt file or a theme file is not valid."""


class FullyTranscribedError(UsageError):
    """Nothing is left to transcribe; for the command `recover` that is success."""


class SourceError(LivegistError):
    """An audio source cannot be opened, or failed while it was read."""


class EndpointError(LivegistError):
    """The streaming endpoint refused the session or cannot be reached."""


class ChatError(LivegistError):
    """A chat completion failed."""

    def __init__(
        self, message: str, hint: str = "", *, status: int = 0, retry: bool = False, retry_after_s: float | None = None
    ) -> None:
        super().__init__(message, hint)
        self.status = status
        """HTTP status of the response; 0 if there was no response."""
        self.retry = retry
        """Whether the same request may succeed when it is repeated."""
        self.retry_after_s = retry_after_s
        """Seconds to wait before a retry, as the server asks; `None` if it does not say."""


class EngineError(LivegistError):
    """The engine process cannot be started, found or reached."""


class VersionError(EngineError):
    """The engine is another version, which trying again does not change."""


class SessionError(LivegistError):
    """A stored session cannot be found, read or written."""


class MissingExtraError(LivegistError):
    """A feature needs optional packages that are not installed.

    Args:
        feature: its name, as the subject of the message.
        extra: the extra of the distribution that installs the packages.
    """

    def __init__(self, feature: str, extra: str) -> None:
        super().__init__(
            f"{feature} needs packages that are not installed.",
            f"Install them with: pip install 'livegist[{extra}]'",
        )
