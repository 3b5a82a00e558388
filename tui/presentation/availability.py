"""What the engine can be asked now. Pure."""

from tui.model.events import State
from tui.presentation.view_model import ViewModel


def is_available(picture: ViewModel, action: str, parameters: tuple[object, ...]) -> bool:
    """Return whether a session in this state takes what an action asks of the engine.

    Actions that ask nothing of it are always possible here.
    """
    running = picture.state.active and picture.state is not State.DRAINING
    replayed = picture.replay_speed > 0
    match action, parameters:
        case (("seek" | "seek_turn"), _):
            return picture.synced and replayed
        case "mute", _ if replayed:
            return picture.synced
        case _ if replayed and action in ACTION_STATES:
            return False
        case (("analyse" | "ask" | "ask_all" | "bookmark" | "name_speaker"), _):
            return picture.synced and any(turn.final for turn in picture.transcript)
        case "retry_gist", _:
            return picture.synced and bool(picture.missing)
        case "change_gain", _:
            return picture.synced and running
        case "history", _:
            return picture.synced
        case "export", _:
            return picture.session is not None and bool(picture.session.path)
        case "start", _:
            return picture.synced and not picture.state.active
        case "recover", _:
            return picture.synced and not picture.state.active and bool(picture.untranscribed)
        case (("stop" | "mute"), _):
            return picture.synced and running
        case "choose_device", _:
            return picture.synced and picture.state is not State.DRAINING and not replayed
        case (("choose_prompt" | "step_prompt"), _):
            return picture.synced and bool(picture.prompts)
        case "use_prompt", (int(number),):
            return picture.synced and number <= len(picture.prompts)
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
"""Actions that ask something of the engine: impossible while it cannot be heard."""
