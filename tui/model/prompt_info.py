"""Prompt as a viewer lists it."""

import msgspec


class PromptInfo(msgspec.Struct, frozen=True, omit_defaults=True):
    """A prompt that a person can choose."""

    id: str
    name: str
    turn: str
    """Template for one turn, for the picker's preview."""
    session: str = ""
    """Template for a whole session."""
