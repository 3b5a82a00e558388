"""Notices at the end of a session about what is not saved or not transcribed. Pure."""

from tui.model.events import Notice, Severity


def unsaved_notice(unsaved_s: float) -> Notice:
    """Return the notice that the end of the recording is in memory only; `unsaved_s` is its length in seconds."""
    return Notice(
        Severity.ERROR,
        f"The last {unsaved_s:.0f} s of the recording are not saved to disk; only memory has them.",
        "Free disk space while the engine is running: they are saved then.",
    )


def untranscribed_notice(untranscribed_s: float, *, stored: bool) -> Notice:
    """Return the notice that the end of the recording is not transcribed.

    Args:
        untranscribed_s: its length in seconds.
        stored: whether the session is on disk; a private one is not.
    """
    return Notice(
        Severity.WARNING,
        f"{untranscribed_s:.0f} s of the recording could not be transcribed.",
        "To transcribe them, press t or run: livegist recover"
        if stored
        else "This is a private session: they are lost.",
    )
