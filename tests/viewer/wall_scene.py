"""A wall of six rooms in different states, for screenshots."""

from msgspec.structs import replace

from tests.viewer.scripted_engine import PROMPTS, SESSION, STATS, gist, partial, turn
from tests.viewer.wall_harness import Wall
from tui.config.schema import Highlight
from tui.model.events import Event, LevelChanged, Snapshot, SpeakerNamed, State, TurnBookmarked, TurnChanged

HIGHLIGHTS = {"invoice": Highlight(bell=True)}
HOSTS = {"Berlin": "ines@berlin", "Workshop": "workshop"}
LOST = "Workshop"
"""The room whose connection is cut."""


def room(
    *said: str, state: State = State.LIVE, elapsed_s: float = 754.0, summary: str = "", **changes: object
) -> Snapshot:
    """Return a session of some turns, the last of which is open while it is live, and a gist."""
    first = int(elapsed_s / 6) - len(said)
    turns = [turn(first + at, text, speaker="AB"[at % 2]) for at, text in enumerate(said)]
    if state is State.LIVE:
        turns[-1] = partial(turns[-1].number, turns[-1].text, speaker=turns[-1].speaker)
    snapshot = Snapshot(
        1,
        "0",
        state,
        session=replace(SESSION, id=f"{elapsed_s:.0f}"),
        prompt="summary",
        prompts=PROMPTS,
        turns=tuple(turns),
        gists=(gist(first, first, summary),) if summary else (),
        stats=replace(STATS, elapsed_s=elapsed_s),
    )
    return replace(snapshot, **changes)


def wall() -> Wall:
    """Return the engines of the wall."""
    names = (SpeakerNamed("A", "Ines"), SpeakerNamed("B", "Tom"))
    rooms = {
        "local": room(
            "The migration is ready. I want to ship it on Thursday, after Maria has checked the script on staging.",
            "Right. I raise the pool to forty and rerun the load test tomorrow morning, before the customer",
            summary="Ship the migration on **Thursday**, once Maria has checked the script on staging.",
            title="Release round",
            speakers=names,
            bookmarks=(TurnBookmarked(123, ""), TurnBookmarked(124, "the date")),
        ),
        "Studio": room(
            "We are on in five minutes, and the guest is still looking for a parking",
            elapsed_s=61.0,
            summary="The guest is late; the show begins in five minutes.",
            stats=replace(STATS, elapsed_s=61.0, lag_s=9.0),
        ),
        "Board room": room(
            "Then let us look at the numbers of the third quarter.",
            elapsed_s=2761.0,
            summary="The numbers of the third quarter are next.",
            muted=True,
        ),
        "Berlin": room(
            "Where is the invoice for the hall?",
            state=State.RECONNECTING,
            elapsed_s=310.0,
            summary="Somebody looks for the invoice for the hall.",
            reason="The connection was lost.",
        ),
        "Workshop": room(
            "That is the last of the chairs.",
            elapsed_s=1805.0,
            summary="All chairs are in place.",
        ),
        "Lab": Snapshot(1, "0", prompt="summary", prompts=PROMPTS),
    }
    return Wall(rooms, HOSTS)


EVENTS: dict[str, tuple[Event, ...]] = {
    "local": (LevelChanged(-24.3, -12.6),),
    "Studio": (LevelChanged(-31.0, -19.5),),
    "Board room": (LevelChanged(-48.0, -41.0),),
    "Berlin": (LevelChanged(-27.0, -16.0), TurnChanged(turn(51, "I need the invoice today.", speaker="B"))),
}
"""What the rooms send after their snapshots."""
