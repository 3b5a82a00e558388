"""The client of the vendor's tutorial, word for word, against the gateway."""

import os
import re
import signal
import subprocess
import sys
import threading
from pathlib import Path

from tests.conftest import DATA
from tests.gateway_harness import CLIPS, PATIENCE_S, serving

SENTENCE = "He might even have been made amiable himself."


def test_the_tutorials_client_prints_transcript_and_answer_and_ends_cleanly(short_dir: Path) -> None:
    with serving() as url:
        client = subprocess.Popen(
            [sys.executable, "-u", str(DATA / "tutorial_client.py")],
            cwd=short_dir,
            env={
                **os.environ,
                "ENDPOINT": f"{url}/v3/ws",
                "MICROPHONE": str(CLIPS[4]),
                "PYTHONPATH": str(Path(__file__).parents[1] / "fakes"),
            },
            stdout=subprocess.PIPE,
            text=True,
        )
        assert client.stdout is not None
        deadline = threading.Timer(PATIENCE_S, client.kill)
        deadline.start()
        said: list[str] = []
        for line in client.stdout:
            said.append(line.strip())
            if "LLM Response:" in said and said[-1] == SENTENCE:
                client.send_signal(signal.SIGINT)
                break
        said += [line.strip() for line in client.stdout]
        deadline.cancel()
        assert client.wait(PATIENCE_S) == 0
    place = said.index("Transcript:")
    assert said[place + 1] == SENTENCE
    assert said[said.index("LLM Response:") + 1] == SENTENCE
    assert [line for line in said if re.fullmatch(r"Session terminated: \d+ seconds of audio processed", line)]
    assert [line for line in said if line.startswith("WebSocket Disconnected: Status=1000")]
