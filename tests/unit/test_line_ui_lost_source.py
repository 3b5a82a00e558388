"""Line mode while silence takes the place of a lost source."""

from msgspec.structs import replace

from tests.viewer.scripted_engine import STATS, meeting
from tui.line_ui.output import LineFormatter
from tui.model.events import LevelChanged, StatsChanged


def test_the_level_of_a_lost_source_is_not_judged_and_the_status_says_why() -> None:
    now = [0.0]
    formatter = LineFormatter(lambda: now[0])
    formatter.format(meeting())
    formatter.format(StatsChanged(replace(STATS, source_lost="The sound server has stopped.")))
    lines: list[str] = []
    for second in range(20):
        now[0] = float(second)
        lines += formatter.format(LevelChanged(-120.0, -120.0))
    assert lines == []
    assert formatter.status().endswith("silence is recorded: The sound server has stopped.")
    formatter.format(StatsChanged(STATS))
    assert "silence is recorded" not in formatter.status()
