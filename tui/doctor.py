"""`livegist doctor`: what is there, what is missing, what to do."""

import os
import shutil
import sys
from collections.abc import Iterator

import msgspec

from tui.config import API_KEY, load
from tui.credentials import Key, find
from tui.engine.local import installed
from tui.engine.process import running
from tui.errors import LivegistError
from tui.paths import config_dir, config_file, data_dir, runtime_dir

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
    yield from _recognition()
    yield from _sound()
    yield from _terminal()


def _settings() -> Iterator[Finding]:
    file = config_file()
    try:
        load()
    except LivegistError as error:
        yield Finding(False, error.message, error.hint)
    else:
        there = "is good" if file.exists() else "is not there; defaults are used"
        yield Finding(True, f"config file {file} {there}")


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
    tops = [folder for folder in (config_dir(), data_dir()) if folder.is_dir()]
    ours = [path for top in tops for path in (top, *top.rglob("*"))]
    # What a person wrote as settings, prompts and themes holds no secret; keys and sessions do.
    secret = [path for path in ours if path.is_relative_to(data_dir()) or path.is_relative_to(config_dir() / "keys")]
    open_ = [path for path in secret if not path.is_symlink() and path.stat().st_mode & 0o077]
    yield Finding(
        not open_,
        f"{len(secret)} files and folders with sessions and keys are yours alone"
        if not open_
        else f"{len(open_)} files and folders may be entered or read by others, such as {open_[0]}",
        "" if not open_ else f"Run: chmod -R go-rwx {data_dir()} {config_dir()}",
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
