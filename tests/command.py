"""Run commands of livegist in tests, so that none ends otherwise than the test says."""

import re
from pathlib import Path

from click.testing import CliRunner, Result

from tui.cli import main

INTERNAL_ERROR = re.compile(r"Traceback \(most recent|Internal error:")
"""Words of a command, a session or a log when livegist itself is at fault."""
WRITTEN = ("*.log", "events.jsonl")
"""Names of the files in which an internal error is reported."""


def livegist(*words: str, code: int = 0, says: str = "", stdin: str | None = None) -> Result:
    """Run a command in this process.

    Args:
        words: what a person types after `livegist`.
        code: the exit code that it has to end with.
        says: what has to stand in its stderr. Nothing may stand there if this is empty, and it may be empty only where
            the command succeeds.
        stdin: what is typed.
    """
    result = CliRunner().invoke(main, list(words), input=stdin)
    assert result.exit_code == code, result.output
    assert not INTERNAL_ERROR.search(result.output), result.output
    if says:
        assert says in result.stderr, result.output
    else:
        assert (code, result.stderr) == (0, ""), result.output
    return result


def internal_errors(home: Path) -> list[str]:
    """Return the lines below a home that report an internal error, each with its file."""
    found = []
    for path in sorted(path for name in WRITTEN for path in home.rglob(name) if path.is_file()):
        lines = path.read_text(errors="replace").splitlines()
        found += [f"{path.name}: {line}" for line in lines if INTERNAL_ERROR.search(line)]
    return found
