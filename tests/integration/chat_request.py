"""A chat completion request to a gateway."""

import json
from typing import Any

import httpx2

from tests.gateway_harness import PATIENCE_S

PROMPT = "Provide a brief summary of the transcript.\n\nTranscript: We ship on Monday."
CHAT = {"model": "any", "messages": [{"role": "user", "content": PROMPT}], "max_tokens": 100}


def post(url: str, body: Any, **headers: str) -> httpx2.Response:
    return httpx2.post(f"{url}/v1/chat/completions", content=json.dumps(body), headers=headers, timeout=PATIENCE_S)
