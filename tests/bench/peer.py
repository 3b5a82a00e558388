"""Runs scribit 1.1.0, the nearest program of this kind, against the bench's endpoint; for its own interpreter.

Its endpoint's host is written into its code and its microphone is a device's number: both are given here. Start it
with the Python it is installed for: `python tests/bench/peer.py ws://127.0.0.1:PORT`.
"""

import json
import os
import sys
from typing import Any


def pulse() -> int:
    """Return the number of PulseAudio's device."""
    import pyaudio  # type: ignore[import-not-found,import-untyped,unused-ignore]

    audio = pyaudio.PyAudio()
    names = [str(audio.get_device_info_by_index(at)["name"]) for at in range(audio.get_device_count())]
    audio.terminate()
    return next(at for name in ("default", "pulse") for at, found in enumerate(names) if found == name)


def main(url: str) -> None:
    """Run it as its own command does."""
    import scribit.app  # type: ignore[import-not-found,import-untyped,unused-ignore]
    import scribit.config  # type: ignore[import-not-found,import-untyped,unused-ignore]

    there = scribit.app.StreamingClientOptions

    def options(**given: Any) -> Any:
        return there(**{**given, "api_host": url})

    scribit.app.StreamingClientOptions = options
    settings = {"api_key": "none", "device_index": int(os.environ["DEVICE"]), "save_logs": False, "language_code": "en"}
    scribit.config.SETTINGS_FILE.write_text(json.dumps(settings))
    scribit.app.ScribitApp().run()


if __name__ == "__main__":
    if sys.argv[1] == "device":
        print(pulse())
    else:
        main(sys.argv[1])
