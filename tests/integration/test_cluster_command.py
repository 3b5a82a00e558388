"""`livegist serve --cluster` as a process, with Ray on this machine alone and a real model."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import httpx2
import numpy as np
import pytest

from tests.bench.processes import tree
from tests.gateway_harness import CLIPS, calling, read, silence, spoken, word_errors, words
from tests.processes import runs

START_S = 120.0
"""Longest wait for Ray and two replicas on a busy machine."""
TOKEN = "secret"


@contextmanager
def serving() -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Run the command; give it and its address once it listens."""
    command = [sys.executable, "-P", "-m", "tui", "serve", "--cluster", "--port", "0", "--replica-cpus", "0.5"]
    process = subprocess.Popen(
        [*command, "--max-replicas", "1", "--token", TOKEN],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={name: value for name, value in os.environ.items() if not name.startswith("RAY_")},
    )
    try:
        assert process.stdout is not None
        yield process, json.loads(process.stdout.readline())["listening"]
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


async def converse(url: str) -> None:
    """Have a session; check its words and what the gateway counts."""
    http = url.replace("ws", "http", 1)
    async with httpx2.AsyncClient(base_url=http, headers={"Authorization": TOKEN}, timeout=START_S) as client:
        async with asyncio.timeout(START_S):
            while (await client.get("/healthz")).status_code != 200:  # noqa: ASYNC110 - another process
                await asyncio.sleep(0.1)
        answer = (await client.get("/v3/token", params={"expires_in_seconds": 600})).json()
        async with calling(url, key=answer["token"]) as caller:
            await caller.say(np.concatenate([read(CLIPS[1]), silence(1)]))
            await caller.send("Terminate")
            assert await caller.ended() == (1000, "")
        said = " ".join(turn["transcript"] for turn in caller.finals)
        assert word_errors(words(spoken(CLIPS[1])), words(said)) <= 2
        async with calling(url, key=answer["token"]) as second:
            code, reason = await second.ended()
        assert (code, reason) == (1008, "Unauthorized connection: Token already used")
        async with asyncio.timeout(START_S):
            while "livegist_gateway_turns_total 0" in (await client.get("/metrics")).text:  # noqa: ASYNC110
                await asyncio.sleep(0.1)
        metrics = (await client.get("/metrics")).text
        assert 'livegist_gateway_replicas{role="recogniser"} 1\n' in metrics
        assert "livegist_gateway_sessions_total 1\n" in metrics
    assert (await asyncio.to_thread(httpx2.get, f"{http}/metrics")).status_code == 401


@pytest.mark.timeout(300)
def test_the_command_serves_sessions_and_ends_with_all_its_processes() -> None:
    with serving() as (process, url):
        started = tree(process.pid).keys() - {process.pid}
        assert started
        asyncio.run(converse(url))
        process.send_signal(signal.SIGTERM)
        assert process.wait(START_S) == 0
        assert [pid for pid in started if runs(pid)] == []
