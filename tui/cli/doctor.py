"""Checks of `livegist doctor`: installation, settings, folders, keys, audio and terminal."""

import os
import shlex
import shutil
import stat
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec

from tui.config.load import load
from tui.config.schema import Config
from tui.credentials import Key, find
from tui.engine.gateway_process import is_installed
from tui.engine.process import is_running
from tui.errors import LivegistError
from tui.model.prompts import PromptLibrary
from tui.paths import PACKAGE, config_dir, config_file, data_dir, runtime_dir, sessions_dir, shipped
from tui.sessions.store import Store
from tui.text import plural
from tui.urls import host, may_carry_key

MIN_FREE_MB = 500
"""Minimum free disk space in MB for a long session: an hour of audio takes 115 MB."""


class Finding(msgspec.Struct, frozen=True):
    """Result of one check."""

    passed: bool
    message: str
    hint: str = ""
    """How to fix it; empty if there is nothing to fix."""
    optional: bool = False
    """Whether livegist works without it."""


def examine() -> Iterator[Finding]:
    """Run all checks and yield their findings, quick checks first."""
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
    found = "is valid" if file.exists() else "does not exist; using defaults"
    yield Finding(True, f"config file {file} {found}")
    library = PromptLibrary.load(PACKAGE / "prompts", config_dir() / "prompts")
    for problem in library.problems:
        yield Finding(False, problem.message, problem.hint)
    try:
        prompt = library[config.prompt]
    except LivegistError as error:
        yield Finding(False, error.message, f"{error.hint} Change the setting prompt.")
    else:
        yield Finding(True, f"{len(library)} prompts; sessions start with {prompt.name}")
    themes = {path.stem for folder in (shipped("themes"), config_dir() / "themes") for path in folder.glob("*.toml")}
    if config.theme not in themes:
        yield Finding(False, f"unknown theme {config.theme!r}", f"Themes: {', '.join(sorted(themes))}.", optional=True)
    if config.hook_url and not (host(config.hook_url) and may_carry_key(config.hook_url)):
        yield Finding(
            False,
            f"hook_url {config.hook_url} is not an encrypted URL and is not used",
            "Use the form https://host/path.",
        )


def _folders() -> Iterator[Finding]:
    try:
        folder = runtime_dir()
    except (LivegistError, OSError) as error:
        yield Finding(False, str(error), "Set LIVEGIST_HOME to a folder that you own.")
        return
    yield Finding(True, f"runtime folder {folder} is private")
    yield Finding(True, f"engine is {'running' if is_running(folder) else 'not running'}")
    existing = next(path for path in (data_dir(), *data_dir().parents) if path.exists())
    free_mb = shutil.disk_usage(existing).free // 2**20
    writable = os.access(existing, os.W_OK)
    yield Finding(
        writable and free_mb >= MIN_FREE_MB,
        f"sessions are stored in {data_dir()}: {free_mb} MB free" + ("" if writable else ", not writable"),
        "" if writable and free_mb >= MIN_FREE_MB else "Free disk space, or set LIVEGIST_HOME to another folder.",
    )


def _privacy() -> Iterator[Finding]:
    """Find keys, sessions and logs that other users may read."""
    # Settings, prompts and themes hold no secrets.
    tops = [folder for folder in (config_dir() / "keys", data_dir(), _existing_runtime_dir()) if folder is not None]
    found = {path: mode for top in tops for path in (top, *top.rglob("*")) if (mode := _mode(path)) is not None}
    open_ = [path for path, mode in found.items() if not stat.S_ISLNK(mode) and mode & 0o077]
    if not open_:
        yield Finding(True, f"{len(found)} files and folders with sessions, keys and logs are private")
        return
    yield Finding(
        False,
        f"other users can access {open_[0]}" + (f" and {len(open_) - 1} more" if open_[1:] else ""),
        f"Run: chmod -R go-rwx {' '.join(shlex.quote(str(top)) for top in tops if top.exists())}",
    )


def _existing_runtime_dir() -> Path | None:
    try:
        return runtime_dir()
    except (LivegistError, OSError):
        # Already reported by the check of the folders.
        return None


def _mode(path: Path) -> int | None:
    """Return the type and permissions of a file; `None` if it no longer exists."""
    try:
        return path.lstat().st_mode
    except OSError:
        return None


def _sessions() -> Iterator[Finding]:
    try:
        stored = list(Store(sessions_dir()))
        incomplete = list(Store(sessions_dir()).incomplete())
    except LivegistError as error:
        yield Finding(False, error.message, error.hint)
        return
    yield Finding(True, f"{plural(len(stored), 'session')} stored")
    if incomplete:
        yield Finding(
            False,
            f"{len(incomplete)} not fully transcribed, such as {incomplete[0].id}",
            f"Run: livegist recover {incomplete[0].id}",
            optional=True,
        )


def _recognition() -> Iterator[Finding]:
    local = is_installed()
    try:
        found = find(Key.VENDOR)
    except LivegistError as error:
        yield Finding(False, error.message, error.hint)
        found = None
    key = found is not None
    yield Finding(
        key,
        f"cloud engine: key from {found.origin}" if found else "cloud engine: no key is set",
        "" if key else f"Set {Key.VENDOR.variable} or run `livegist login` to use AssemblyAI.",
        optional=local,
    )
    yield Finding(
        local,
        f"local engine: {'installed' if local else 'not installed'}",
        "" if local else "Install it: pip install 'livegist[local]'",
        optional=key,
    )
    if not local:
        return
    try:
        config = load().config
    except LivegistError:
        # Already reported by the check of the settings.
        return
    yield _speech_model(config, optional=key)
    yield _turn_model(config)
    yield _speaker_model(config)


def _speech_model(config: Config, *, optional: bool) -> Finding:
    """Find the speech model of the local engine."""
    from tui.gateway.speech_models import find_model

    try:
        model = find_model(config.local_model)
    except LivegistError as error:
        return Finding(False, error.message, error.hint, optional=optional)
    return Finding(True, f"speech model: {model.name} in {model.folder}")


def _turn_model(config: Config) -> Finding:
    """Find the end-of-turn model of the local engine."""
    from tui.gateway.turn_model import OFF, find_turn_model

    try:
        setting = config.local_turn_model
        path = find_turn_model(setting)
    except LivegistError as error:
        return Finding(False, error.message, error.hint)
    if path or setting == OFF:
        return Finding(True, f"end-of-turn model: {path or OFF}")
    hint = "Turns end after silence and punctuation. To install a model: pip install --no-deps pipecat-ai"
    return Finding(False, "end-of-turn model: not installed", hint, optional=True)


def _speaker_model(config: Config) -> Finding:
    """Find the speaker model of the local engine."""
    from tui.gateway.speaker_model import INSTALL, find_speaker_model

    try:
        path = find_speaker_model(config.local_speaker_model)
    except LivegistError as error:
        return Finding(False, error.message, error.hint)
    if path:
        return Finding(True, f"speaker model: {path}")
    hint = f"The local engine tells speakers apart with one. To install it: {INSTALL}"
    return Finding(False, "speaker model: not installed", hint, optional=True)


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
        plural(len(found), "input device") + (f", default: {default}" if default else ""),
        "" if found else "Over SSH, mic is the microphone of the remote machine; a file or cmd:PROGRAM needs none.",
        optional=True,
    )


def _terminal() -> Iterator[Finding]:
    term = os.environ.get("TERM", "")
    colours = os.environ.get("COLORTERM", "")
    yield Finding(
        term not in ("", "dumb"),
        f"terminal {term or 'unknown'}" + (f", {colours}" if colours else ""),
        "" if term not in ("", "dumb") else "Set TERM, or run: livegist stream",
        optional=True,
    )
