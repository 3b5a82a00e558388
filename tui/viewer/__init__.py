"""Viewer: the dashboard in Textual. It shows the events of an engine and sends commands; it stores no session data."""

import os

# Textual waits up to two of its frames before it paints the effect of a key: 33 ms at its default of 60 frames per
# second. Here each source of changes limits its own rate, so a higher rate costs nothing and keys respond at once.
os.environ.setdefault("TEXTUAL_FPS", "500")
