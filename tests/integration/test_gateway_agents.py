"""Voice agents' clients against the gateway: LiveKit's plugin and Pipecat's service, with its address alone changed."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.gateway_harness import CLIPS, PATIENCE_S, read, serving, silence

SENTENCE = "He might even have been made amiable himself."
SCRIPTS = Path(__file__).parents[1] / "clients"
VARIABLE = "STREAMING_CLIENTS"
"""Names the folder of the packages in `.ci/clients.txt`."""
PACKAGES = os.environ.get(VARIABLE, "")


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with serving() as address:
        yield address


def run(script: str, url: str, folder: Path) -> list[dict[str, Any]]:
    """Return what a client prints about two sentences."""
    if not PACKAGES or not (Path(PACKAGES) / "pipecat").is_dir():
        pytest.skip(f"needs Pipecat and LiveKit: pip install --no-deps --target DIR -r .ci/clients.txt, {VARIABLE}=DIR")
    audio = folder / "audio"
    parts = (read(CLIPS[4]), silence(1.6))
    audio.write_bytes(np.concatenate(parts * 2).astype("<i2").tobytes())
    done = subprocess.run(
        [sys.executable, SCRIPTS / script, url, audio, "2"],
        env=os.environ | {"PYTHONPATH": PACKAGES},
        capture_output=True,
        text=True,
        timeout=2 * PATIENCE_S,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_livekit_gets_each_turn_with_its_start_and_end(url: str, tmp_path: Path) -> None:
    events = run("livekit_client.py", url, tmp_path)
    spoken = [event for event in events if event["event"] not in ("interim_transcript", "recognition_usage")]
    turn = ["start_of_speech", "preflight_transcript", "final_transcript", "end_of_speech"]
    assert [event["event"] for event in spoken] == turn * 2
    finals = [event for event in events if event["event"] == "final_transcript"]
    assert [(final["text"], final["language"]) for final in finals] == [(SENTENCE, "en")] * 2
    assert finals[0]["metadata"] == {"end_of_turn_confidence": 1.0, "language_confidence": 1.0}


def test_pipecat_gets_each_turn_with_its_start_and_end_and_no_error(url: str, tmp_path: Path) -> None:
    frames = run("pipecat_client.py", url, tmp_path)
    spoken = [frame for frame in frames if frame["frame"] != "InterimTranscriptionFrame"]
    turn = ["ProposedUserStartedSpeakingFrame", "TranscriptionFrame", "ProposedUserStoppedSpeakingFrame"]
    assert [frame["frame"] for frame in spoken] == turn * 2
    finals = [frame for frame in frames if frame["frame"] == "TranscriptionFrame"]
    assert [(final["text"], final["language"]) for final in finals] == [(SENTENCE, "en")] * 2
