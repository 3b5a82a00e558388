"""`livegist doctor`: what is there, what is missing, what to do."""

import os
import shlex
import shutil
import stat
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec

from tui.config import API_KEY, load
from tui.credentials import Key, find
from tui.engine.local import installed
from tui.engine.process import running
from tui.errors import LivegistError
from tui.model.prompts import PromptLibrary
from tui.paths import PACKAGE, config_dir, config_file, data_dir, runtime_dir, sessions_dir, shipped
from tui.sessions.store import Store
from tui.urls import host, may_carry_key

ROOM_MB = 500
"""Free disk below which a long session is at risk: an hour takes 115 MB."""


class Finding(msgspec.Struct, frozen=True):
    """One thing that was looked at."""

    well: bool
    what: str
    hint: str = ""
    """What to do about it, empty if nothing."""
    optional: bool = False
    """Whether livegist does without it."""


def examine() -> Iterator[Finding]:
    """Yield a finding after the other, the quick ones first."""
    yield Finding(sys.version_info >= (3, 11), f"Python {sys.version.split()[0]}", "")
    yield from _settings()
    yield from _folders()
    yield from _privacy()
    yield from _sessions()
    yield from _recognition()
    yield from _sound()
    yield from _terminal()


def _settings() -> Iterator[Finding]:
    file = config_file()
    try:
        config = load().config
    except LivegistError as error:
        yield Finding(False, error.message, error.hint)
        return
    there = "is good" if file.exists() else "is not there; defaults are used"
    yield Finding(True, f"config file {file} {there}")
    library = PromptLibrary.load(PACKAGE / "prompts", config_dir() / "prompts")
    for problem in library.problems:
        yield Finding(False, problem.message, problem.hint)
    try:
        prompt = library[config.prompt]
    except LivegistError as error:
        yield Finding(False, error.message, f"{error.hint} It is set as prompt.")
    else:
        yield Finding(True, f"{len(library)} prompts; a session starts with {prompt.name}")
    themes = {path.stem for folder in (shipped("themes"), config_dir() / "themes") for path in folder.glob("*.toml")}
    if config.theme not in themes:
        yield Finding(
            False, f"there is no theme {config.theme!r}", f"There are: {', '.join(sorted(themes))}.", optional=True
        )
    if config.hook_url and not (host(config.hook_url) and may_carry_key(config.hook_url)):
        yield Finding(False, f"nothing is posted to hook_url {config.hook_url}", "Write it as https://host/path.")


def _folders() -> Iterator[Finding]:
    try:
        folder = runtime_dir()
    except (LivegistError, OSError) as error:
        yield Finding(False, str(error), "Set LIVEGIST_HOME to a folder of your own.")
        return
    yield Finding(True, f"runtime folder {folder} is yours alone")
    yield Finding(True, f"an engine is {'running' if running(folder) else 'not running'}")
    existing = next(path for path in (data_dir(), *data_dir().parents) if path.exists())
    free_mb = shutil.disk_usage(existing).free // 2**20
    writable = os.access(existing, os.W_OK)
    yield Finding(
        writable and free_mb >= ROOM_MB,
        f"sessions are kept in {data_dir()}: {free_mb} MB free" + ("" if writable else ", not writable"),
        "" if writable and free_mb >= ROOM_MB else "Make room, or set LIVEGIST_HOME to another folder.",
    )


def _privacy() -> Iterator[Finding]:
    """Look for files and folders of ours that others may read."""
    # What a person wrote as settings, prompts and themes holds no secret; keys, sessions and logs do.
    tops = [folder for folder in (config_dir() / "keys", data_dir(), _existing_runtime_dir()) if folder is not None]
    found = {path: mode for top in tops for path in (top, *top.rglob("*")) if (mode := _mode(path)) is not None}
    open_ = [path for path, mode in found.items() if not stat.S_ISLNK(mode) and mode & 0o077]
    if not open_:
        yield Finding(True, f"{len(found)} files and folders with sessions, keys and logs are yours alone")
        return
    yield Finding(
        False,
        f"others may enter or read {open_[0]}" + (f" and {len(open_) - 1} more" if open_[1:] else ""),
        f"Run: chmod -R go-rwx {' '.join(shlex.quote(str(top)) for top in tops if top.exists())}",
    )


def _existing_runtime_dir() -> Path | None:
    try:
        return runtime_dir()
    except (LivegistError, OSError):
        # Told already.
        return None


def _mode(path: Path) -> int | None:
    """Return a file's type and rights; `None` for one that is gone by now."""
    try:
        return path.lstat().st_mode
    except OSError:
        return None


def _sessions() -> Iterator[Finding]:
    try:
        kept = list(Store(sessions_dir()))
        left = list(Store(sessions_dir()).left_over())
    except LivegistError as error:
        yield Finding(False, error.message, error.hint)
        return
    yield Finding(True, f"{len(kept)} session{'' if len(kept) == 1 else 's'} kept")
    if left:
        yield Finding(
            False,
            f"{len(left)} of them not wholly transcribed, such as {left[0].id}",
            f"Run: livegist recover {left[0].id}",
            optional=True,
        )


def _recognition() -> Iterator[Finding]:
    local = installed()
    try:
        found = find(Key.VENDOR)
    except LivegistError as error:
        yield Finding(False, error.message, error.hint)
        found = None
    key = found is not None
    yield Finding(
        key,
        f"a key for the cloud engine comes from {found.origin}" if found else "a key for the cloud engine is not set",
        "" if key else f"Set {API_KEY} or run `livegist login` to use the vendor's service.",
        optional=local,
    )
    yield Finding(
        local,
        f"the local engine is {'installed' if local else 'not installed'}",
        "" if local else "Install it with: pip install 'livegist[local]'",
        optional=key,
    )


def _sound() -> Iterator[Finding]:
    from tui.audio.devices import list_devices

    try:
        found = list_devices()
    except LivegistError as error:
        yield Finding(False, error.message, error.hint, optional=True)
        return
    default = next((device.name for device in found if device.default), "")
    yield Finding(
        bool(found),
        f"{len(found)} devices to record from" + (f", by default {default}" if default else ""),
        "" if found else "Over SSH the microphone is the remote machine's; a file or cmd:PROGRAM works without one.",
        optional=True,
    )


def _terminal() -> Iterator[Finding]:
    term = os.environ.get("TERM", "")
    colours = os.environ.get("COLORTERM", "")
    yield Finding(
        term not in ("", "dumb"),
        f"terminal {term or 'unknown'}" + (f", {colours}" if colours else ""),
        "" if term not in ("", "dumb") else "Set TERM, or use: livegist stream",
        optional=True,
    )
