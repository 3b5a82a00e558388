"""Scripted engine: emits events at given times and records the commands that it receives."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from typing import NamedTuple

from tui.model.commands import Command, Quit, encode
from tui.model.events import Event, GistChanged, LevelChanged, Snapshot, State, StatsChanged, TurnChanged
from tui.model.gists import Gist, GistStatus
from tui.model.prompt_info import PromptInfo
from tui.model.session import Session
from tui.model.stats import Stats
from tui.model.transcript import Turn, Word

DEADLINE_S = 30.0
"""Longest wait of a test for something to happen."""

PROMPTS = (
    PromptInfo(
        "summary", "Summary", "Provide a brief summary of the transcript.\n\nTranscript: {{turn}}", "Sum it up."
    ),
    PromptInfo("actions", "Action items", "Generate a set of action items from this transcript.\n\n{{turn}}"),
    PromptInfo("takeaway", "Take-away", "What’s the main take-away from the transcript?\n\n{{turn}}"),
    PromptInfo("improve", "Areas to improve", "Offer areas to improve with exact quotes.\n\n{{turn}}"),
)
SESSION = Session(
    id="20261122-094500",
    path="~/.local/share/livegist/sessions/20261122-094500",
    started_at="2026-11-22T09:45:00+01:00",
    source="mic",
    engine="cloud",
    endpoint="streaming.assemblyai.com",
    speech_model="u3-rt-pro",
    llm_model="claude-sonnet-4-20250514",
)
SAID = (
    ("A", "Good morning everybody. Let's go round quickly, we have the customer call at ten."),
    ("B", "The migration is ready. I want to ship it on Thursday, after Maria has checked the script on staging."),
    ("C", "I can take the script tonight. What worries me is the connection pool: it was at ninety percent last week."),
    ("B", "Right. Tom raises the pool to forty and reruns the load test tomorrow morning."),
    ("A", "Then we decide at noon. Anything that blocks the release notes?"),
    ("C", "Only the screenshots. They are from the old version and two of the menus have moved since."),
    ("A", "Maria, could you do those after the script? If not, tell me by three and I find somebody."),
)
GISTS = (
    "A quick round before the **customer call at ten**.",
    "Ship the migration on **Thursday**, once Maria has checked the script on staging.",
    "- Maria checks the script **tonight**\n- Risk: the connection pool was at `90 %` last week",
    "Tom raises the pool to 40 and reruns the load test tomorrow morning.",
    "The decision falls at noon; release notes may be blocked.",
)
STATS = Stats(
    elapsed_s=804.0,
    sent_s=803.6,
    lag_s=0.4,
    turns=132,
    words=1874,
    words_per_minute=149.0,
    final_p50_ms=304.0,
    final_p95_ms=612.0,
    gists=130,
    gists_missing=1,
    gist_p50_ms=840.0,
    input_tokens=9120,
    output_tokens=3410,
    cost_usd=0.173,
    connections=3,
    reconnects=1,
    round_trip_ms=38.0,
    device="Built-in Audio Analog Stereo",
    recording_bytes=25_730_000,
    expires_s=9_996.0,
    viewers=1,
)


class At(NamedTuple):
    """An event and when it comes, in seconds from the snapshot."""

    seconds: float
    event: Event


class ScriptedEngine:
    """A connection that plays a script and stays open until `cut`; it records commands.

    Args:
        script: events after the first snapshot.
        snapshot: the first event of each connection.
    """

    def __init__(self, script: Iterable[At] = (), *, snapshot: Snapshot | None = None) -> None:
        self._script = list(script)
        self.snapshot = snapshot or Snapshot(protocol=1, version="0", prompt="summary", prompts=PROMPTS)
        self.sent: list[Command] = []
        self.connections = 0
        self.revived = 0
        self.accepting = asyncio.Event()
        """While it is cleared, a new connection waits."""
        self.accepting.set()
        self.quits = True
        """Whether `Quit` closes the connection, as an engine without a session does."""
        self._queue: asyncio.Queue[Event | None] = asyncio.Queue()
        self._open = False

    async def events(self) -> AsyncIterator[Event]:
        """Yield the snapshot, the script at its times, then the emitted events."""
        await self.accepting.wait()
        self.connections += 1
        self._open = True
        yield self.snapshot
        start = asyncio.get_running_loop().time()
        for at, event in self._script:
            delay = start + at - asyncio.get_running_loop().time()
            if delay > 0:
                await asyncio.sleep(delay)
            yield event
        self._script = []
        while (emitted := await self._queue.get()) is not None:
            yield emitted
            self._queue.task_done()
        self._queue.task_done()
        self._open = False

    async def send(self, command: Command) -> bool:
        """Record a command; `Quit` closes the connection."""
        if not self._open:
            return False
        encode(command)  # Raises, as a real connection does, for a command that is too long.
        self.sent.append(command)
        if isinstance(command, Quit) and self.quits:
            self.cut()
        return True

    def revive(self) -> None:
        """Record that an engine was asked for in place of one that exited."""
        self.revived += 1

    def emit(self, *events: Event) -> None:
        """Send events to the viewer now."""
        for event in events:
            self._queue.put_nowait(event)

    async def handled(self) -> None:
        """Wait until the viewer has handled all emitted events."""
        await asyncio.wait_for(self._queue.join(), DEADLINE_S)

    def cut(self) -> None:
        """Close the connection, as an engine that ends does."""
        self._queue.put_nowait(None)


def turn(number: int, text: str, *, final: bool = True, speaker: str | None = None, stable: int = 0) -> Turn:
    """Return a turn; the first `stable` words of a partial are final."""
    start = number * 6.0
    words = tuple(
        Word(word, start + at * 0.3, start + at * 0.3 + 0.25, stable=at < stable)
        for at, word in enumerate(text.split())
    )
    return Turn(number, text, final, start, start + 5.0, words, speaker)


def partial(number: int, text: str, *, stable: int = 0, speaker: str | None = None) -> Turn:
    """Return a partial."""
    return turn(number, text, final=False, speaker=speaker, stable=stable)


def gist(number: int, of: int | None, text: str, status: GistStatus = GistStatus.DONE, *, error: str = "") -> Gist:
    """Return a gist about a turn, or about the session for `None`."""
    done = status is GistStatus.DONE
    return Gist(
        number,
        of,
        "summary",
        text,
        status,
        model="claude-sonnet-4-20250514" if done else "",
        latency_s=0.8 if done else 0.0,
        error=error,
        turns=7 if of is None else 0,
    )


def meeting(state: State = State.LIVE) -> Snapshot:
    """Return a running session with finals, a partial, and gists in every status."""
    first = 126
    turns = [turn(first + at, said, speaker=who) for at, (who, said) in enumerate(SAID)]
    now = partial(first + len(SAID), "I think I can do both but let me look at the", stable=7, speaker="C")
    gists = [gist(100 + at, first + at, text) for at, text in enumerate(GISTS)]
    gists += [
        gist(105, first + 5, "", GistStatus.TIMED_OUT, error="no answer within 30 s"),
        gist(106, first + 6, "", GistStatus.WAITING),
    ]
    return Snapshot(
        protocol=1,
        version="0",
        state=state,
        session=SESSION,
        prompt="summary",
        prompts=PROMPTS,
        turns=(*turns, now),
        gists=tuple(gists),
        stats=STATS,
    )


def load(seconds: float, *, fps: int = 20, first: int = 1) -> list[At]:
    """Return a load: 20 levels and four partials per second, a turn and its gist every 3 s, statistics each second."""
    words = " ".join(said for _, said in SAID).split()
    script: list[At] = []
    for tick in range(int(seconds * fps)):
        now = tick / fps
        swing = (tick * 7919) % 23
        script.append(At(now, LevelChanged(-32.0 + swing * 0.6, -20.0 + swing * 0.7)))
        if tick % (fps // 4) == 0:
            step = tick // (fps // 4)
            number, part = first + step // 12, step % 12
            text = " ".join(words[at % len(words)] for at in range(number, number + 3 * (part + 1)))
            if part == 11:
                script.append(At(now, TurnChanged(turn(number, text))))
                script.append(At(now + 0.01, GistChanged(gist(number, number, f"**Gist {number}**: {text[:90]}"))))
            else:
                script.append(At(now, TurnChanged(partial(number, text, stable=3 * part))))
        if tick % fps == 0:
            done = first + tick // (3 * fps)
            script.append(
                At(now, StatsChanged(Stats(elapsed_s=now, sent_s=now, turns=done, words=36 * done, gists=done)))
            )
    return sorted(script, key=lambda at: at.seconds)
