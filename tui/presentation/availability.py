"""Availability of actions in the current state. Pure."""

from tui.model.events import State
from tui.presentation.view_model import ViewModel
from tui.text import plural

WATCH_ONLY = "This page only shows the session: it was opened with --watch."


def is_refused(view_model: ViewModel, action: str) -> bool:
    """Return whether a viewer may never do something, because it may only look."""
    return view_model.watching and action in CHANGES


def is_available(view_model: ViewModel, action: str, parameters: tuple[object, ...]) -> bool:
    """Return whether the engine accepts an action now; actions that it does not handle are always available."""
    running = view_model.state.active and view_model.state is not State.DRAINING
    replayed = view_model.replay_speed > 0
    match action, parameters:
        case _ if is_refused(view_model, action):
            return False
        case (("seek" | "seek_turn"), _):
            return view_model.synced and replayed
        case "detach", _ if replayed:
            return False
        case "mute", _ if replayed:
            return view_model.synced
        case _ if replayed and action in ACTION_STATES:
            return False
        case "play", _:
            played = view_model.session is not None and bool(view_model.session.path) and not view_model.state.active
            return view_model.synced and not replayed and (played or view_model.playing)
        case "edit_title", _:
            return view_model.synced and view_model.session is not None
        case "undo_edit", _:
            return view_model.synced and view_model.undoable > 0
        case "ask", _:
            return view_model.synced and any(turn.text for turn in view_model.transcript)
        case (("edit_turn" | "merge_turn" | "analyse" | "ask_all" | "bookmark" | "name_speaker"), _):
            return view_model.synced and any(turn.final for turn in view_model.transcript)
        case "retry_gist", _:
            return view_model.synced and bool(view_model.missing)
        case "change_gain", _:
            return view_model.synced and running
        case "history", _:
            return view_model.synced
        case "export", _:
            return view_model.session is not None and bool(view_model.session.path)
        case "start", _:
            return view_model.synced and not view_model.state.active
        case "recover", _:
            return view_model.synced and not view_model.state.active and bool(view_model.untranscribed)
        case "stop", _:
            return view_model.synced and (view_model.state.active or view_model.was_stopped)
        case "mute", _:
            return view_model.synced and running
        case "choose_device", _:
            return view_model.synced and view_model.state is not State.DRAINING and not replayed
        case (("choose_prompt" | "step_prompt"), _):
            return view_model.synced and bool(view_model.prompts)
        case "use_prompt", (int(number),):
            return view_model.synced and number <= len(view_model.prompts)
    return True


ACTION_STATES = frozenset(
    {
        "start",
        "recover",
        "stop",
        "mute",
        "choose_device",
        "analyse",
        "ask",
        "retry_gist",
        "ask_all",
        "bookmark",
        "play",
        "edit_title",
        "edit_turn",
        "merge_turn",
        "undo_edit",
        "name_speaker",
        "change_gain",
        "choose_prompt",
        "step_prompt",
        "use_prompt",
        "seek",
        "seek_turn",
        "export",
        "history",
    }
)
"""Actions handled by the engine: unavailable without a connection to it."""
CHANGES = (ACTION_STATES | {"settings"}) - {"history"}
"""Actions that change something, or write to the disk: unavailable to viewers that may only look."""


def unavailable_reason(view_model: ViewModel, action: str, parameters: tuple[object, ...]) -> str:
    """Return why an action is not possible now, and what makes it possible."""
    finishing = view_model.state is State.DRAINING
    match action, parameters:
        case _ if is_refused(view_model, action):
            return WATCH_ONLY
        case _ if not view_model.synced:
            return "Not possible yet: the engine is starting."
        case (("seek" | "seek_turn"), _):
            return "Only a replay can seek: livegist replay."
        case _ if view_model.replay_speed:
            return "Not possible in a replay."
        case (("edit_turn" | "merge_turn" | "analyse" | "ask_all" | "bookmark" | "name_speaker"), _):
            return "No turn has ended yet."
        case "undo_edit", _:
            return "No edit to undo."
        case "play", _ if view_model.state.active:
            return "A recording is played once its session has ended."
        case "play", _:
            return "No stored recording to play."
        case "edit_title", _:
            return "No session has a title yet. Press s to start one."
        case "ask", _:
            return "Nothing has been said yet."
        case "retry_gist", _:
            return "No gist has failed."
        case (("mute" | "change_gain" | "choose_device"), _) if finishing:
            return "The session is finishing: recording has stopped."
        case (("stop" | "mute" | "change_gain"), _):
            return "No session is running. Press s to start one."
        case "export", _:
            return "No stored session to export."
        case (("start" | "recover"), _) if view_model.state.active:
            return "The session is finishing." if finishing else "A session is running. Press x to stop it first."
        case "recover", _:
            return "All sessions are transcribed to their end."
        case "use_prompt", (int(number),):
            return f"There is no prompt {number}: {plural(len(view_model.prompts), 'prompt')}. Press p to see them."
        case (("choose_prompt" | "step_prompt"), _):
            return "No prompts found: livegist prompts list."
    return "Not possible now."
