"""Formatting of numbers, states and names for people. Pure."""

from collections.abc import Iterable
from datetime import datetime

from tui.model.events import State
from tui.model.prompt_info import PromptInfo
from tui.presentation.view_model import ViewModel

EXTRACTIVE = "extractive"
"""Model name of the extractive summariser, which quotes sentences instead of writing any."""

STATES = {
    State.IDLE: ("○", "READY"),
    State.CONNECTING: ("◌", "CONNECTING"),
    State.LIVE: ("●", "LIVE"),
    State.RECONNECTING: ("↻", "RECONNECTING"),
    State.DRAINING: ("◔", "FINISHING"),
    State.ENDED: ("■", "ENDED"),
    State.FAILED: ("✗", "FAILED"),
}
"""Symbol and label of each state."""


STATE_STYLES = {
    State.IDLE: "pill-muted",
    State.CONNECTING: "pill-warn",
    State.LIVE: "pill-bad",
    State.RECONNECTING: "pill-warn",
    State.DRAINING: "pill-warn",
    State.ENDED: "pill-muted",
    State.FAILED: "pill-bad",
}
"""Style of the filled label of each state: red while livegist records, as on a camera."""


def state_pill(view_model: ViewModel) -> tuple[str, str, str]:
    """Return style, symbol and label of the state of an engine, that of the connection to it included."""
    if view_model.disconnected and view_model.host:
        return "pill-bad", "↻", "LINE LOST" if view_model.synced else "UNREACHABLE"
    if view_model.disconnected:
        return "pill-bad", "↻", "DISCONNECTED"
    if not view_model.synced:
        return "pill-muted", "…", "STARTING"
    return STATE_STYLES[view_model.state], *STATES[view_model.state]


def seconds(value: float) -> str:
    """Return a duration with one decimal below ten seconds."""
    return f"{value:.1f} s" if value < 9.95 else f"{value:.0f} s"


def milliseconds(value: float | None) -> str:
    """Return a duration in ms, in seconds from one on; a dash for nothing measured."""
    if value is None:
        return "–"
    return f"{value:.0f} ms" if value < 999.5 else seconds(value / 1000)


def dollars(value: float) -> str:
    """Return an estimated cost."""
    return f"${value:.3f}" if value < 1 else f"${value:.2f}"


def made_by(model: str, columns: int = 80) -> str:
    """Return the author of an answer; an extractive one is labelled as not written by an LLM."""
    if model != EXTRACTIVE:
        return model if len(model) <= columns else ""
    labels = ("sentences picked from the transcript, no LLM", "picked sentences, no LLM", "no LLM")
    return next((said for label in labels if len(said := f"{EXTRACTIVE}: {label}") <= columns), EXTRACTIVE)


def format_latency(value: float) -> str:
    """Return a latency, in ms below one second."""
    return milliseconds(value * 1000)


def without_markup(text: str) -> str:
    """Return Markdown without the signs of emphasis and code, for one line."""
    return text.replace("**", "").replace("`", "")


def prompt_name(prompts: Iterable[PromptInfo], id: str) -> str:
    """Return the name of the prompt with that id, or the id if it is unknown."""
    return next((prompt.name for prompt in prompts if prompt.id == id), id)


def now_iso() -> str:
    """Return the present time in ISO 8601."""
    return datetime.now().astimezone().isoformat(timespec="seconds")


def recording_stopped(at: str, *keys: str) -> str:
    """Return the alarm about a session whose engine was killed.

    Args:
        at: ISO 8601 time of the last recorded audio.
        keys: what keys do about it.
    """
    return " · ".join((f"RECORDING STOPPED {datetime.fromisoformat(at).astimezone():%H:%M:%S}", *keys))


def speaker_style(label: str, position: int) -> str:
    """Return the style of a speaker: by the letter, so that every viewer and session shows it alike.

    Args:
        label: the endpoint's label, such as A.
        position: place in the order of appearance, for labels that are not a letter.
    """
    number = ord(label) - ord("A") if len(label) == 1 and "A" <= label <= "Z" else position
    return f"speaker-{number % 6 + 1}"
