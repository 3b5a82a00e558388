"""The gateway's small parts: parameters, tokens, what waits to be sent, PCM, metrics."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from typing import cast

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.websockets import WebSocket

from tui.errors import ChatError
from tui.gateway.chat_backends import ExtractiveBackend, fill_prompt
from tui.gateway.context_limit import TruncatingBackend
from tui.gateway.endpointing import BY_SOUND, Endpointing
from tui.gateway.hallucination import misses_start, strip_repetition
from tui.gateway.metrics import Metrics, exposition
from tui.gateway.parameters import InvalidParameterError, Parameters, apply_update, parse
from tui.gateway.pcm import PcmDecoder, SampleWindow
from tui.gateway.send_queue import MAX_QUEUED, SendQueue, SlowClientError
from tui.gateway.tokens import InvalidTokenError, Tokens
from tui.gateway.whisper import most_likely_language
from tui.llm.client import ChatClient, Completion, Message
from tui.stream.messages import UpdateConfiguration, WireTurn
from tui.stream.query import LLMGateway


def test_parameters_without_effect_are_named_once() -> None:
    parameters, ignored = parse([("sample_rate", "8000"), ("domain", "x"), ("domain", "y"), ("token", "secret")])
    assert parameters.sample_rate == 8000
    assert ignored == ["domain"]


def test_lists_and_objects_come_as_json() -> None:
    asked = {"model": "m", "messages": [{"role": "user", "content": "{{turn}}"}], "max_tokens": 5}
    parameters, _ = parse([("keyterms_prompt", '["Livegist"]'), ("llm_gateway", json.dumps(asked))])
    assert parameters.keyterms_prompt == ("Livegist",)
    assert parameters.llm_gateway == LLMGateway("m", ({"role": "user", "content": "{{turn}}"},), 5)
    assert parameters.recogniser_prompt == "Words that may occur: Livegist."


@given(st.sampled_from(["sample_rate", "vad_threshold", "llm_gateway", "language_codes"]), st.text(max_size=40))
def test_a_strange_value_is_taken_or_refused_and_never_more(name: str, value: str) -> None:
    refusal = ""
    parameters, ignored = Parameters(), list[str]()
    try:
        parameters, ignored = parse([(name, value)])
    except InvalidParameterError as error:
        refusal = str(error)
    assert not refusal or refusal.startswith(name)
    assert ignored == []
    assert 8000 <= parameters.sample_rate <= 96_000
    assert 0.05 <= parameters.endpointing(Endpointing()).vad_threshold <= 0.99
    assert [code for code in parameters.languages if not isinstance(code, str)] == []


def test_the_silence_that_ends_a_turn_is_never_a_mere_breath() -> None:
    now = parse([("min_turn_silence", "100"), ("max_turn_silence", "900")])[0].endpointing(Endpointing())
    assert (now.min_turn_silence_ms, now.max_turn_silence_ms) == (400, 900)
    assert now.vad_threshold == Endpointing().vad_threshold


def test_what_a_client_does_not_ask_for_is_the_gateways_default() -> None:
    assert Parameters().endpointing(BY_SOUND) == BY_SOUND
    asked = parse([("max_turn_silence", "900")])[0].endpointing(BY_SOUND)
    assert (asked.min_turn_silence_ms, asked.max_turn_silence_ms) == (BY_SOUND.min_turn_silence_ms, 900)


def test_an_update_changes_what_it_names_and_leaves_the_rest() -> None:
    before, _ = parse([("keyterms_prompt", '["Livegist"]'), ("vad_threshold", "0.3"), ("format_turns", "false")])
    after = apply_update(
        before,
        UpdateConfiguration(
            prompt="A stand-up.",
            max_turn_silence=900,
            format_turns=True,
            language_codes=("de",),
            session_heartbeat=True,
            acknowledge_silence=True,
        ),
    )
    assert after.recogniser_prompt == "Words that may occur: Livegist. A stand-up."
    now = after.endpointing(Endpointing())
    assert (now.max_turn_silence_ms, now.vad_threshold) == (900, 0.3)
    assert (before.unformatted, after.unformatted) == (True, False)
    assert (after.languages, after.session_heartbeat, after.acknowledge_silence) == (("de",), True, True)


def test_the_former_name_of_the_shortest_silence_holds_too() -> None:
    now, _ = parse([("min_end_of_turn_silence_when_confident", "700")])
    assert now.endpointing(Endpointing()).min_turn_silence_ms == 700
    after = apply_update(now, UpdateConfiguration(min_end_of_turn_silence_when_confident=900))
    assert after.endpointing(Endpointing()).min_turn_silence_ms == 900


@pytest.mark.parametrize(
    ("asked", "name"),
    [
        (UpdateConfiguration(vad_threshold=1.5), "vad_threshold"),
        (UpdateConfiguration(min_turn_silence=-1), "min_turn_silence"),
        (UpdateConfiguration(prompt="a" * 1751), "prompt"),
        (UpdateConfiguration(keyterms_prompt=("a",) * 101), "keyterms_prompt"),
        (UpdateConfiguration(end_of_turn_confidence_threshold=2), "end_of_turn_confidence_threshold"),
    ],
)
def test_an_update_takes_no_value_that_the_query_would_not(asked: UpdateConfiguration, name: str) -> None:
    with pytest.raises(InvalidParameterError, match=f"^{name}: "):
        apply_update(Parameters(), asked)


@pytest.mark.parametrize(
    ("query", "languages"),
    [
        ([], ("en",)),
        ([("language_codes", '["pt-BR", "EN_us", "en"]')], ("pt", "en")),
        ([("language_code", "yue")], ("yue",)),
        ([("language_detection", "true")], ()),
        ([("language_detection", "true"), ("language_codes", '["de", "en"]')], ("de", "en")),
        ([("speech_model", "universal-streaming-multilingual")], ()),
        ([("speech_model", "whisper-rt")], ()),
        ([("speech_model", "whisper-rt"), ("language_codes", '["de"]')], ("de",)),
        ([("language_codes", "de")], ("de",)),
        ([("language_codes", '"pt-BR"')], ("pt",)),
        ([("language_codes", "de"), ("language_codes", "en")], ("de", "en")),
        ([("language_codes", "multi")], ()),
        ([("language_codes", '["multi"]')], ()),
        ([("language_code", "multi")], ()),
    ],
)
def test_the_languages_are_those_the_client_names(query: list[tuple[str, str]], languages: tuple[str, ...]) -> None:
    assert parse(query)[0].languages == languages


@pytest.mark.parametrize(
    ("codes", "chosen"),
    [((), ("nn", 0.5)), (("en", "de"), ("de", 0.6)), (("en",), ("en", 1.0)), (("xx",), ("nn", 0.5))],
)
def test_of_several_languages_the_likeliest_that_was_asked_for_is_taken(
    codes: tuple[str, ...], chosen: tuple[str, float]
) -> None:
    assert most_likely_language([("<|nn|>", 0.5), ("<|de|>", 0.3), ("<|en|>", 0.2)], codes) == chosen


@pytest.mark.parametrize("written", ["yes", "Yes", "on", "1", "True", "true", "t"])
def test_a_boolean_has_several_spellings(written: str) -> None:
    assert parse([("session_heartbeat", written)])[0].session_heartbeat is True


@pytest.mark.parametrize("written", ["no", "off", "0", "False", "F", "n"])
def test_so_has_its_opposite(written: str) -> None:
    assert parse([("include_partial_turns", written)])[0].include_partial_turns is False


@pytest.mark.parametrize(
    ("query", "terms"),
    [
        ([("keyterms_prompt", "Dashwood")], ("Dashwood",)),
        ([("keyterms_prompt", '"Dashwood"')], ("Dashwood",)),
        ([("keyterms_prompt", "Dashwood"), ("keyterms_prompt", "Norland Park")], ("Dashwood", "Norland Park")),
        ([("keyterms_prompt", '["a", "b"]'), ("keyterms_prompt", "c")], ("a", "b", "c")),
        ([("keyterms_prompt", "")], ()),
    ],
)
def test_key_terms_come_as_a_list_or_one_by_one(query: list[tuple[str, str]], terms: tuple[str, ...]) -> None:
    assert parse(query)[0].keyterms_prompt == terms


@pytest.mark.parametrize(
    ("asked", "languages"), [("de", ("de",)), ("", ()), (("en", "de"), ("en", "de")), ("multi", ())]
)
def test_an_update_takes_one_language_as_it_takes_several(
    asked: str | tuple[str, ...], languages: tuple[str, ...]
) -> None:
    before = parse([("language_detection", "true")])[0]
    assert apply_update(before, UpdateConfiguration(language_codes=asked)).languages == languages


def test_a_silence_that_is_raised_is_named() -> None:
    assert parse([("min_turn_silence", "100")])[0].raised == "min_turn_silence is 400 ms instead of 100 ms."
    assert parse([("min_turn_silence", "400")])[0].raised == parse([])[0].raised == ""


@pytest.mark.parametrize(
    ("query", "unformatted"),
    [
        ([("formatted_finals", "false")], True),
        ([("formatted_finals", "true")], False),
        ([("formatted_finals", "false"), ("speech_model", "u3-rt-pro")], False),
    ],
)
def test_formatted_finals_is_another_name_of_format_turns(query: list[tuple[str, str]], unformatted: bool) -> None:
    assert parse(query)[0].unformatted is unformatted


def test_a_token_opens_one_session() -> None:
    tokens = Tokens(clock=lambda: 100.0)
    token = tokens.issue(60, 120)
    assert tokens.redeem(token).session_s == 120
    with pytest.raises(InvalidTokenError, match="already used"):
        tokens.redeem(token)


def test_a_token_expires() -> None:
    now = 100.0
    tokens = Tokens(clock=lambda: now)
    token = tokens.issue(60)
    now = 160.0
    with pytest.raises(InvalidTokenError, match="expired"):
        tokens.redeem(token)


@given(st.text())
def test_a_forged_token_is_refused(text: str) -> None:
    with pytest.raises(InvalidTokenError, match="Invalid"):
        Tokens().redeem(f"lgt-{text}")


def test_a_token_of_another_gateway_is_refused() -> None:
    with pytest.raises(InvalidTokenError, match="Invalid"):
        Tokens().redeem(Tokens().issue(60))


@given(st.lists(st.integers(1, 500), min_size=1, max_size=30), st.integers(0, 4000), st.integers(0, 4000))
def test_a_tape_reads_what_was_put_on_it(lengths: list[int], start: int, length: int) -> None:
    window, whole = SampleWindow(), np.arange(sum(lengths)).astype(np.int16)
    for end, block in zip(np.cumsum(lengths), lengths, strict=True):
        window.append(whole[end - block : end])
    window.drop(start)
    assert window.start <= start
    got = window.read(start, start + length) * 32_768
    assert got.tolist() == whole[start : start + length].tolist()


def test_half_a_sample_waits_for_its_other_half() -> None:
    decoder = PcmDecoder("pcm_s16le", 16_000)
    samples = np.arange(-400, 400, dtype=np.int16)
    wire = samples.astype("<i2").tobytes()
    assert [*decoder.decode(wire[:301])[0], *decoder.decode(wire[301:])[0]] == samples.tolist()


def test_resampling_keeps_the_clock() -> None:
    decoder = PcmDecoder("pcm_s16le", 48_000)
    got = sum(len(decoder.decode(bytes(4800 * 2))[0]) for _ in range(20)) + len(decoder.flush())
    assert abs(got - 32_000) <= 2


def test_mulaw_is_decoded_as_g711_says() -> None:
    samples, _ = PcmDecoder("pcm_mulaw", 16_000).decode(bytes([0x00, 0x80, 0xFF, 0x7F, 0xCE]))
    assert samples.tolist() == [-32_124, 32_124, 0, 0, 988]


def test_metrics_are_prometheus_text() -> None:
    metrics = Metrics()
    metrics.count("turns_total")
    metrics.count("refusals_total", label='code="3006"')
    text = exposition(metrics.counts, {"sessions": 2})
    assert "livegist_gateway_turns_total 1\n" in text
    assert "livegist_gateway_partials_total 0\n" in text
    assert 'livegist_gateway_refusals_total{code="3006"} 1\n' in text
    assert "livegist_gateway_sessions 2\n" in text
    assert "# TYPE livegist_gateway_sessions gauge\n" in text


def test_the_turn_takes_the_place_of_exactly_its_mark() -> None:
    asked = LLMGateway("m", ({"role": "system", "content": "{{ turn }}"}, {"role": "user", "content": "On {{turn}}"}))
    assert fill_prompt(asked, "it {{turn}}s") == (Message("system", "{{ turn }}"), Message("user", "On it {{turn}}s"))


async def test_the_extractive_answer_says_what_it_is() -> None:
    chat = [Message("user", "Summarise.\n\nTranscript: We ship on Monday.")]
    answer = await ExtractiveBackend().complete(chat, model="gpt-9", max_tokens=100)
    assert (answer.model, answer.text) == ("extractive", "We ship on Monday.")
    cut = await ExtractiveBackend().complete(chat, model="gpt-9", max_tokens=2)
    assert (cut.text, cut.finish_reason) == ("We ship", "length")


@pytest.mark.parametrize(
    ("system", "user"),
    [
        ("You are a coach who gives feedback.", "List the action items.\n\nTranscript: I will write today. It rains."),
        ("List the action items.", "Here is the transcript:\nI will write today. It rains."),
        ("List the action items.", "I will write today. It rains."),
    ],
)
async def test_what_the_user_asks_comes_before_what_the_system_says(system: str, user: str) -> None:
    chat = [Message("system", system), Message("user", user)]
    answer = await ExtractiveBackend().complete(chat, model="m", max_tokens=100)
    assert answer.text == "- I will write today. (today)"


@pytest.mark.parametrize(
    ("chat", "said"),
    [
        ([("user", "Summarise what was said.")], "Nothing was said."),
        ([("user", "Say hello.")], "Nothing was said."),
        ([("user", "Summarise this: We ship on Monday.")], "We ship on Monday."),
        ([("user", "We ship on Monday.\n\nSummarise the text above. Be brief.")], "We ship on Monday."),
        (
            [("user", "You are an assistant.\n\nRules:\n- Be brief\n- Use no lists\n\nWe ship on Monday.")],
            "We ship on Monday.",
        ),
        ([("user", "<transcript>\nWe ship on Monday.\n</transcript>\n\nWrite a summary.")], "We ship on Monday."),
        ([("user", "Write a summary.\n\n```\nWe ship on Monday.\n```")], "We ship on Monday."),
        ([("user", "Transcript: We ship on Monday.\n\nSummarise it in one sentence.")], "We ship on Monday."),
        ([("system", "Transcript: We ship on Monday."), ("user", "Summarise it.")], "We ship on Monday."),
        (
            [("user", "Transcript: We ship on Monday."), ("assistant", "Yes."), ("user", "Sum it up.")],
            "We ship on Monday.",
        ),
        ([("system", "You are a helpful assistant."), ("user", "Summarise.")], "Nothing was said."),
    ],
)
async def test_the_words_of_the_instruction_are_never_the_answer(chat: list[tuple[str, str]], said: str) -> None:
    answer = await ExtractiveBackend().complete([Message(*message) for message in chat], model="m", max_tokens=100)
    assert answer.text.removeprefix("(This model can only quote. What seems to matter most:)\n") == said


@pytest.mark.parametrize(
    "template", ["{{turn}}\n\nSum up!", "Ann asks: {{turn}} What do you say?", "{{turn}}", "It is: {{turn}}"]
)
async def test_a_turn_is_quoted_and_nothing_around_it(template: str) -> None:
    turn = "Summarise the plan. We ship on Monday."
    chat = [Message("user", template.replace("{{turn}}", turn))]
    answer = await ExtractiveBackend().complete(chat, model="m", max_tokens=100, transcript=turn)
    text = answer.text.removeprefix("(This model can only quote. What seems to matter most:)\n")
    assert text.strip("“”") in (
        "We ship on Monday.",
        "Summarise the plan.",
        "Nothing that was said shares a word with the question.",
    )


class Small:
    """Takes at most so many words."""

    name = model = "small"

    def __init__(self, words: int) -> None:
        self._words = words
        self.asked = 0

    async def complete(
        self,
        messages: Sequence[Message],
        *,
        model: str,
        max_tokens: int,
        temperature: float | None = None,
        transcript: str = "",
    ) -> Completion:
        self.asked += 1
        size = len(messages[-1].content.split())
        if size > self._words:
            raise ChatError(f"request ({size} tokens) exceeds the available context size ({self._words} tokens)")
        return Completion(messages[-1].content)

    async def stream(
        self, messages: Sequence[Message], *, model: str, max_tokens: int, temperature: float | None = None
    ) -> AsyncIterator[str | Completion]:
        whole = await self.complete(messages, model=model, max_tokens=max_tokens)
        yield whole.text
        yield whole

    async def models(self) -> list[str] | None:
        return None

    async def client(self) -> ChatClient | None:
        return None

    async def aclose(self) -> None:
        pass


LONG = [Message("user", "Sum up.\n\nTranscript: " + " ".join(str(number) for number in range(1000)))]


async def test_a_transcript_too_long_loses_its_oldest_words_and_the_answer_says_so() -> None:
    small = Small(200)
    answer = await TruncatingBackend(small).complete(LONG, model="m", max_tokens=9)
    said, _, rest = answer.text.partition("\n\n")
    left_out = int(said.split()[2])
    assert said == f"(The first {left_out} words did not fit into the model and were left out.)"
    assert rest == f"Sum up.\n\nTranscript: {' '.join(str(number) for number in range(left_out, 1000))}"
    assert small.asked == 2


async def test_a_streamed_answer_says_so_first() -> None:
    pieces = [piece async for piece in TruncatingBackend(Small(200)).stream(LONG, model="m", max_tokens=9)]
    assert str(pieces[0]).startswith("(The first ")
    assert isinstance(pieces[-1], Completion)
    assert pieces[-1].text == "".join(piece for piece in pieces if isinstance(piece, str))


async def test_a_prompt_that_never_fits_is_an_error() -> None:
    with pytest.raises(ChatError, match="exceeds"):
        await TruncatingBackend(Small(2)).complete(LONG, model="m", max_tokens=9)


class Slow:
    """A client that reads nothing until it is let go."""

    def __init__(self) -> None:
        self.read: list[str] = []
        self.reads = asyncio.Event()

    async def send_text(self, text: str) -> None:
        await self.reads.wait()
        self.read.append(text)


def partial(order: int, text: str, *, final: bool = False) -> WireTurn:
    return WireTurn(order, text, final, final, 0.0, ())


async def sent(send_queue: SendQueue, client: Slow) -> list[str]:
    """Let the client read all that waits; return what it read."""
    client.reads.set()
    send_queue.close()
    await send_queue.send_all(cast(WebSocket, client))
    return [json.loads(text)["transcript"] for text in client.read]


async def test_a_partial_that_waits_gives_way_to_a_newer_one_of_its_turn() -> None:
    send_queue = SendQueue()
    for text in ("a", "a b", "a b c"):
        send_queue.put(partial(0, text))
    send_queue.put(partial(1, "d"))
    assert await sent(send_queue, Slow()) == ["a b c", "d"]


async def test_a_final_never_gives_way() -> None:
    send_queue = SendQueue()
    for turn in (partial(0, "a", final=True), partial(0, "A.", final=True), partial(1, "b")):
        send_queue.put(turn)
    assert await sent(send_queue, Slow()) == ["a", "A.", "b"]


async def test_a_client_that_reads_nothing_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tui.gateway.send_queue.SEND_TIMEOUT_S", 0.01)
    send_queue = SendQueue()
    send_queue.put(partial(0, "a"))
    with pytest.raises(SlowClientError):
        await send_queue.send_all(cast(WebSocket, Slow()))


async def test_what_waits_is_bounded() -> None:
    send_queue = SendQueue()
    for order in range(MAX_QUEUED + 1):
        send_queue.put(partial(order, "a"))
    with pytest.raises(SlowClientError):
        await sent(send_queue, Slow())


@pytest.mark.parametrize(
    ("text", "other", "late"),
    [
        ("the search page.", "I finished the search page.", True),
        ("I finished the search page.", "I finish the", False),
        ("And I finished.", "I finished.", False),
        ("", "So.", True),
        ("So.", "", False),
    ],
)
def test_a_text_without_the_first_word_of_another_is_detected(text: str, other: str, late: bool) -> None:
    assert misses_start(text.split(), other.split()) is late


@pytest.mark.parametrize(
    ("looping", "settled", "kept"),
    [
        ("Good morning. Good morning. Good morning. Good", 0, "Good morning."),
        ("The only open. The only open. The", 0, "The only open."),
        ("Perfect. Perfect. Perfect. Perfect", 0, "Perfect."),
        ("no, no, no", 0, "no, no, no"),
        ("we ship it we ship it on Monday", 0, "we ship it we ship it on Monday"),
        ("we ship it we ship it", 5, "we ship it we ship"),
        ("that that", 0, "that that"),
        ("", 0, ""),
    ],
)
def test_a_loop_at_the_end_is_left_out_but_nothing_settled(looping: str, settled: int, kept: str) -> None:
    words = looping.split()
    assert words[: strip_repetition(words, settled)] == kept.split()
