"""`livegist serve`: a local Streaming v3 and chat completions server."""

import os

MAX_REQUEST_LINE_BYTES = 1 << 17
"""Longest first line of a request, in bytes. Uvicorn refuses more than 64 KiB of headers; a line that websockets alone
refuses gets no answer."""

# The query carries whole prompts. websockets limits a line to 8 KiB unless this is set before it is imported.
os.environ.setdefault("WEBSOCKETS_MAX_LINE_LENGTH", str(MAX_REQUEST_LINE_BYTES))
