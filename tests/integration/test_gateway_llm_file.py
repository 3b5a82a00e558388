"""Answers from a GGUF model in the gateway's own process."""

import numpy as np
import pytest

from tests.gateway_harness import CLIPS, TUTORIAL, calling, read, serving, silence
from tests.model_files import smollm2
from tui.errors import LivegistError
from tui.gateway.gateway import select_chat_backend
from tui.gateway.options import GatewayOptions
from tui.llm.client import ChatClient, Message


def test_a_model_file_that_is_not_there_says_what_to_do() -> None:
    with pytest.raises(LivegistError, match="Model file not found") as caught:
        select_chat_backend(GatewayOptions(llm_file="/nowhere/model.gguf"))
    assert "--llm-file" in caught.value.hint


def test_a_file_that_is_not_a_model_is_an_error_that_says_so() -> None:
    with pytest.raises(LivegistError, match="not a GGUF file"):
        select_chat_backend(GatewayOptions(llm_file=__file__))


async def test_a_model_in_this_process_answers_about_turns_and_chats(monkeypatch: pytest.MonkeyPatch) -> None:
    small_model = smollm2()
    monkeypatch.setattr("tui.gateway.gguf_backend.CONTEXT", 512)
    with serving(llm_file=str(small_model)) as address:
        url = address.replace("ws", "http", 1)
        async with calling(address, **TUTORIAL) as caller:
            await caller.say(np.concatenate([read(CLIPS[4]), silence(1.5)]))
            answered = await caller.until("LLMGatewayResponse")
        answer = answered["data"]
        assert answer["model"] == small_model.stem
        assert answer["usage"]["output_tokens"] > 0
        client = ChatClient(url)
        pieces = [piece async for piece in client.stream([Message("user", "Say hello.")], model="x", max_tokens=12)]
        assert len(pieces) > 3
        too_long = "Provide a brief summary.\n\nTranscript: " + "We ship it on Monday. " * 200
        trimmed = await client.complete([Message("user", too_long)], model="x", max_tokens=8)
        assert trimmed.text.startswith("(The first ")
        assert "did not fit" in trimmed.text
        await client.aclose()
