"""State machine of a session: the allowed transitions between its states."""

from tui.model.events import State

TRANSITIONS: dict[State, frozenset[State]] = {
    State.IDLE: frozenset({State.CONNECTING, State.FAILED}),
    State.CONNECTING: frozenset({State.LIVE, State.RECONNECTING, State.DRAINING, State.FAILED}),
    State.LIVE: frozenset({State.RECONNECTING, State.DRAINING, State.FAILED}),
    State.RECONNECTING: frozenset({State.LIVE, State.DRAINING, State.FAILED}),
    State.DRAINING: frozenset({State.ENDED, State.FAILED}),
    State.ENDED: frozenset({State.CONNECTING, State.FAILED}),
    State.FAILED: frozenset({State.CONNECTING, State.FAILED}),
}
"""For each state, the states that may follow it."""


class InvalidTransitionError(RuntimeError):
    """A transition that `TRANSITIONS` does not allow: an internal error."""

    def __init__(self, old: State, new: State) -> None:
        super().__init__(f"a session cannot go from {old} to {new}")
