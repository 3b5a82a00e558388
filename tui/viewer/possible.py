"""What the engine can be asked now. Pure."""

from tui.model.events import State
from tui.viewer.picture import Picture


def possible(picture: Picture, action: str, parameters: tuple[object, ...]) -> bool:
    """Return whether a session in this state takes what an action asks of the engine.

    Actions that ask nothing of it are always possible here.
    """
    running = picture.state.active and picture.state is not State.DRAINING
    replayed = picture.replay_speed > 0
    match action, parameters:
        case (("seek" | "seek_turn"), _):
            return picture.known and replayed
        case "mute", _ if replayed:
            return picture.known
        case _ if replayed and action in ASKS:
            return False
        case (("analyse" | "ask" | "ask_all" | "bookmark" | "name_speaker"), _):
            return picture.known and any(turn.final for turn in picture.transcript)
        case "ask_again", _:
            return picture.known and bool(picture.missing)
        case "gain", _:
            return picture.known and running
        case "history", _:
            return picture.known
        case "export", _:
            return picture.session is not None and bool(picture.session.path)
        case "start", _:
            return picture.known and not picture.state.active
        case "recover", _:
            return picture.known and not picture.state.active and bool(picture.unheard)
        case (("stop" | "mute"), _):
            return picture.known and running
        case "devices", _:
            return picture.known and picture.state is not State.DRAINING and not replayed
        case (("pick" | "prompt_step"), _):
            return picture.known and bool(picture.prompts)
        case "prompt", (int(number),):
            return picture.known and number <= len(picture.prompts)
    return True


ASKS = frozenset(
    {
        "start",
        "recover",
        "stop",
        "mute",
        "devices",
        "analyse",
        "ask",
        "ask_again",
        "ask_all",
        "bookmark",
        "name_speaker",
        "gain",
        "pick",
        "prompt_step",
        "prompt",
        "seek",
        "seek_turn",
        "export",
        "history",
    }
)
"""Actions that ask something of the engine: impossible while it cannot be heard."""
