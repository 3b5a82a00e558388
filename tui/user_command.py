"""Runs a command from the settings (a hook or a highlight) without a shell and without the API keys."""

import asyncio
import contextlib
import os
import shlex
import signal
from asyncio.subprocess import DEVNULL, PIPE, STDOUT, Process
from collections.abc import Mapping

from tui.credentials import without_keys
from tui.errors import LivegistError
from tui.text import terminal_line

COMMAND_TIMEOUT_S = 60.0
"""Seconds after which a command is killed."""
KILL_TIMEOUT_S = 1.0
"""Seconds to wait for a killed command: a process of another group may still hold its output open."""
MAX_LAST_LINE_CHARACTERS = 200
"""Maximum length of the quoted last line of a command's output in an error."""


class CommandError(LivegistError):
    """A configured command cannot be started, failed, or took too long."""


async def run_with_stdin(
    command: str, stdin: bytes, environ: Mapping[str, str], *, setting: str, read_output: bool = False
) -> None:
    """Run a configured command in a process group of its own.

    Args:
        command: program and arguments, quoted as for a shell; an empty command does nothing.
        stdin: bytes written to the command's stdin.
        environ: environment of the command; the API keys are removed from it.
        setting: name of the setting, for the hint.
        read_output: captures stdout and stderr until every process that holds them has closed them, and quotes the last
            line in the error; otherwise both are `/dev/null`.

    Raises:
        CommandError: the command cannot be started, fails, or takes longer than `COMMAND_TIMEOUT_S`. Then its process
            group is killed, even if the command itself has exited and only its children are left.
    """
    hint = f"Check {setting}."
    try:
        words = shlex.split(command)
    except ValueError as error:
        raise CommandError(f"Invalid command {command!r}: {error}.", hint) from error
    if not words:
        return
    try:
        process = await asyncio.create_subprocess_exec(
            *words,
            stdin=PIPE,
            stdout=PIPE if read_output else DEVNULL,
            stderr=STDOUT if read_output else DEVNULL,
            env=without_keys(environ),
            start_new_session=True,
        )
    except OSError as error:
        raise CommandError(f"The command {words[0]} cannot be started: {error.strerror}.", hint) from error
    try:
        async with asyncio.timeout(COMMAND_TIMEOUT_S):
            output, _ = await process.communicate(stdin)
    except TimeoutError as error:
        await _kill_group(process)
        raise CommandError(
            f"The command {words[0]} took longer than {COMMAND_TIMEOUT_S:.0f} s and was killed.", hint
        ) from error
    except asyncio.CancelledError:
        await _kill_group(process)
        raise
    if process.returncode:
        last = terminal_line((output or b"").decode(errors="replace").strip().rpartition("\n")[2])[
            :MAX_LAST_LINE_CHARACTERS
        ]
        why = f": {last}" if last else "."
        raise CommandError(f"The command {words[0]} failed with exit code {process.returncode}{why}", hint)


async def _kill_group(process: Process) -> None:
    """Kill a command and its children, whether or not the command itself has exited."""
    # macOS returns EPERM for a group that contains only zombies.
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(KILL_TIMEOUT_S):
            await process.wait()
