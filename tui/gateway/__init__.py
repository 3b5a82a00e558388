"""`livegist serve`: our own Streaming v3 and chat completions endpoint."""

import os

LONGEST_QUERY = 60_000
"""Bytes of a request's first line; uvicorn takes 64 KiB of headers."""

# The query carries whole prompts. websockets takes no line over 8 KiB unless this says so before it is imported.
os.environ.setdefault("WEBSOCKETS_MAX_LINE_LENGTH", str(LONGEST_QUERY))
