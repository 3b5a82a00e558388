"""Local gateway as a child process of the engine, so that recognition does not block audio capture."""

import asyncio
import contextlib
import importlib.util
import json
import os
import sys
from asyncio.subprocess import PIPE, Process
from pathlib import Path

from tui.config.load import ENVIRONMENT
from tui.config.schema import Config
from tui.credentials import SERVE_TOKEN, Key
from tui.paths import voices_file
from tui.stream.close_codes import LOST, CloseInfo, Retry
from tui.stream.connection import ConnectError

LISTEN_S = 60.0
"""Longest wait until the gateway listens: its packages may have to be read from a slow disk."""
ERROR_PREFIX = "livegist: "
"""Start of the line with which a command says why it failed; the next one says what to do."""
LEAVE_S = 2.0
"""Longest wait for the gateway to exit by itself: the engine's sessions are over by then."""


def is_installed() -> bool:
    """Return whether the packages of the local engine are installed."""
    return all(importlib.util.find_spec(name) for name in ("faster_whisper", "starlette", "uvicorn"))


def has_speaker_model(config: Config) -> bool:
    """Return whether the local gateway can label speakers."""
    return bool(config.local_speaker_model or importlib.util.find_spec("resemblyzer"))


class GatewayProcess:
    """Starts `livegist serve` when it is needed, and again if it exited.

    The gateway exits at EOF on its standard input, so that it never outlives the engine, even one that is killed.

    Args:
        log: file that receives the gateway's output.
    """

    def __init__(self, log: Path) -> None:
        self._log = log
        self._process: Process | None = None
        self._settings: tuple[list[str], dict[str, str]] = ([], {})
        """Command and environment of the running process."""
        self._url = ""
        self._starting = asyncio.Lock()

    async def url(self, config: Config, llm_key: str) -> str:
        """Return the URL of a gateway that runs with these settings, such as `ws://127.0.0.1:43121`.

        Raises:
            ConnectError: the gateway cannot be started.
        """
        command = [sys.executable, "-P", "-m", "tui", "serve", "--port", "0", "--exit-with-stdin"]
        command += ["--model", config.local_model, "--device", config.local_device]
        if config.local_turn_model:
            command += ["--turn-model", config.local_turn_model]
        if config.local_speaker_model:
            command += ["--speaker-model", config.local_speaker_model]
        if config.known_voices:
            command += ["--voices", str(voices_file())]
        async with self._starting:
            running = self._process is not None and self._process.returncode is None
            # In the environment, because every user of the machine can read a command line.
            secrets = {f"{ENVIRONMENT}LLM_URL": config.llm_url} | ({Key.LLM.variable: llm_key} if llm_key else {})
            if not running or (command, secrets) != self._settings:
                await self.close()
                await self._start(command, secrets)
                self._settings = (command, secrets)
            return self._url

    async def close(self) -> None:
        """Let the gateway finish open turns and exit; kill it if it does not exit within `LEAVE_S`."""
        process, self._process = self._process, None
        if process is None:
            return
        if process.stdin is not None:
            process.stdin.close()
        try:
            async with asyncio.timeout(LEAVE_S):
                await process.wait()
        except TimeoutError:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()

    async def _start(self, command: list[str], secrets: dict[str, str]) -> None:
        # The token is that of another gateway, which the user serves to clients; this one would refuse the engine.
        environ = {name: value for name, value in os.environ.items() if name != SERVE_TOKEN} | secrets
        try:
            log = os.open(self._log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
            logged = os.fstat(log).st_size
            try:
                self._process = await asyncio.create_subprocess_exec(
                    *command, stdin=PIPE, stdout=PIPE, stderr=log, env=environ, start_new_session=True
                )
            finally:
                os.close(log)
        except OSError as error:
            meaning = f"The local gateway cannot be started: {error.strerror or error}."
            raise ConnectError(CloseInfo(LOST, "", Retry.YES, meaning, "livegist retries automatically.")) from error
        assert self._process.stdout is not None
        try:
            async with asyncio.timeout(LISTEN_S):
                line = await self._process.stdout.readline()
            self._url = str(json.loads(line)["listening"])
        except (TimeoutError, ValueError, KeyError) as error:
            await self.close()
            reason, hint = self._why_it_ended(logged)
            meaning = f"The local gateway did not start: {reason}" if reason else "The local gateway did not start."
            hint = f"{hint} See its log: {self._log}".lstrip()
            raise ConnectError(CloseInfo(LOST, "", Retry.NO, meaning, hint)) from error

    def _why_it_ended(self, start: int) -> tuple[str, str]:
        """Return what the gateway has printed about its end, and what to do; empty texts if it printed nothing.

        Args:
            start: length of the log, in bytes, before the gateway was started.
        """
        try:
            lines = self._log.read_bytes()[start:].decode(errors="replace").strip().splitlines()
        except OSError:
            return "", ""
        for at in reversed(range(len(lines))):
            if lines[at].startswith(ERROR_PREFIX):
                return lines[at].removeprefix(ERROR_PREFIX), " ".join(lines[at + 1 : at + 2])
        return (lines[-1], "") if lines else ("", "")
