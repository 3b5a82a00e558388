"""Line mode with the turns of one speaker only."""

from msgspec.structs import replace

from tests.viewer.scripted_engine import gist, meeting, turn
from tui.line_ui.output import LineFormatter
from tui.model.events import GistChanged, SpeakerNamed, TurnChanged


def test_the_turns_of_one_speaker_are_printed_alone_by_label_or_name() -> None:
    formatter = LineFormatter(lambda: 0.0)
    formatter.format(meeting())
    assert formatter.show_only("a") == ["only turns of a"]
    assert formatter.format(TurnChanged(replace(turn(140, "By A."), speaker="A")))
    assert not formatter.format(TurnChanged(replace(turn(141, "By B."), speaker="B")))
    assert not formatter.format(GistChanged(gist(400, 141, "About B.")))
    formatter.format(SpeakerNamed("B", "Bob"))
    formatter.show_only("bob")
    assert formatter.format(TurnChanged(replace(turn(142, "By B."), speaker="B")))
    assert formatter.show_only("") == ["turns of all speakers"]
    assert formatter.format(TurnChanged(replace(turn(143, "By A."), speaker="A")))
