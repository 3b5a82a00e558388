"""Prompts as long as they may be, and longer, over the socket and over a relay."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.server_harness import Viewer, hosting
from tests.terminal import LIVEGIST
from tui.engine.ssh_client import SSHEngineClient
from tui.errors import UsageError
from tui.model.commands import COMMAND_BYTES, PROMPT_CHARACTERS, ShowPrompt, Stop, WritePrompt
from tui.model.events import PromptShown, Rejected


class RelayViewer(Viewer):
    """A viewer that reaches the engine through `livegist relay`, as over ssh."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.client = SSHEngineClient([*LIVEGIST, "relay"], "here")  # type: ignore[assignment]


@asynccontextmanager
async def watching(viewer: Viewer) -> AsyncIterator[Viewer]:
    task = asyncio.create_task(viewer.watch())
    try:
        await viewer.until(lambda: bool(viewer.events) or task.done())
        yield viewer
        assert not task.done(), "the connection was cut"
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def prompt(characters: int, filler: str) -> str:
    """Return a prompt's file of so many characters."""
    head, tail = 'name = "Long"\nturn = "x {{turn}}"\nsession = \'\'\'{{transcript}}\n', "'''\n"
    return head + filler * (characters - len(head) - len(tail)) + tail


@pytest.mark.parametrize("viewing", [Viewer, RelayViewer])
@pytest.mark.parametrize("filler", ["a", "\n", "日", "😀"])
async def test_a_prompt_of_the_greatest_length_is_written_and_shown(
    viewing: Callable[[Path], Viewer], filler: str
) -> None:
    text = prompt(PROMPT_CHARACTERS, filler)
    assert len(text) == PROMPT_CHARACTERS
    async with hosting() as hosted, watching(viewing(hosted.socket)) as viewer:
        await viewer.send(WritePrompt("long", text))
        await viewer.send(ShowPrompt("long"))
        await viewer.until(lambda: viewer.events[-1] == PromptShown("long", text, own=True))


@pytest.mark.parametrize("viewing", [Viewer, RelayViewer])
async def test_a_longer_prompt_is_refused_and_the_viewer_stays(viewing: Callable[[Path], Viewer]) -> None:
    async with hosting() as hosted, watching(viewing(hosted.socket)) as viewer:
        await viewer.send(WritePrompt("long", prompt(PROMPT_CHARACTERS + 1, "日")))
        await viewer.until(lambda: isinstance(viewer.events[-1], Rejected))
        assert viewer.events[-1] == Rejected("The prompt is too long.", "At most 100,000 characters.")
        with pytest.raises(UsageError, match="The text is too long"):
            await viewer.client.send(WritePrompt("long", "a" * COMMAND_BYTES))
        await viewer.send(ShowPrompt("summary"))
        await viewer.until(lambda: isinstance(viewer.events[-1], PromptShown))


@pytest.mark.parametrize("more", [0, 1, 3 * COMMAND_BYTES])
async def test_a_relay_skips_a_line_that_is_too_long_and_goes_on(more: int) -> None:
    async with hosting() as hosted, watching(RelayViewer(hosted.socket)) as viewer:
        relay = viewer.client._process  # type: ignore[attr-defined]
        relay.stdin.write(b"x" * (COMMAND_BYTES + more) + b"\n")
        await viewer.until(lambda: isinstance(viewer.events[-1], Rejected))
        assert isinstance(viewer.events[-1], Rejected)
        assert viewer.events[-1].text.startswith("The command is too long." if more else "Not a valid command")
        await viewer.send(Stop())
        await viewer.until(lambda: sum(isinstance(event, Rejected) for event in viewer.events) == 2)
