"""livegist: a live dashboard for speech in a terminal."""

import os

__version__ = "0.1.0"

# Read when ONNX Runtime is loaded: its official builds send events with a device id to their maker, and store both.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
