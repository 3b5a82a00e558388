"""Show the dashboard with a scripted engine: `python -m tests.viewer.manual [empty|meeting|load] [THEME]`."""

import sys

from tests.viewer.scripted_engine import PROMPTS, SESSION, ScriptedEngine, load, meeting
from tui.model.events import Snapshot, State
from tui.viewer.app import LivegistApp


def scripted_engine(scene: str) -> ScriptedEngine:
    match scene:
        case "empty":
            return ScriptedEngine()
        case "load":
            live = Snapshot(
                protocol=1, version="0", state=State.LIVE, session=SESSION, prompt="summary", prompts=PROMPTS
            )
            return ScriptedEngine(load(120), snapshot=live)
        case _:
            return ScriptedEngine(load(120, first=134), snapshot=meeting())


if __name__ == "__main__":
    scene = sys.argv[1] if len(sys.argv) > 1 else "meeting"
    theme = sys.argv[2] if len(sys.argv) > 2 else "night"
    status = LivegistApp(scripted_engine(scene), theme=theme, fps=20, keys={}).run()
    print(status)
