"""`livegist serve`: a local Streaming v3 and chat completions server."""

import os

MAX_REQUEST_LINE_BYTES = 60_000
"""Longest first line of a request, in bytes; uvicorn accepts 64 KiB of headers."""

# The query carries whole prompts. websockets limits a line to 8 KiB unless this is set before it is imported.
os.environ.setdefault("WEBSOCKETS_MAX_LINE_LENGTH", str(MAX_REQUEST_LINE_BYTES))
