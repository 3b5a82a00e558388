"""The dashboard: draws what events tell it, sends commands, holds nothing that matters."""

import os

# Textual waits up to two of its frames before it paints what a key changed: 33 ms at its own 60 frames a second. Here
# every source of change has a pace of its own, so more frames cost nothing and keys answer at once.
os.environ.setdefault("TEXTUAL_FPS", "500")
