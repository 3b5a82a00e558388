from hypothesis import given
from hypothesis import strategies as st

from tests.http_server import Answer, serving
from tui.llm.chunking import ChunkedAsker, ChunkProgress, split_text
from tui.llm.client import ChatClient
from tui.llm.protocol import Completion, Message

LINES = [f"[turn {n}, 00:{n:02}] " + "word " * 20 for n in range(1, 41)]


def ask_messages(text: str) -> list[Message]:
    return [Message("user", f"What was decided?\n{text}")]


def merge_messages(text: str) -> list[Message]:
    return [Message("user", f"Make one of these.\n{text}")]


def answer_with(text: str) -> Answer:
    return Answer(
        body={
            "model": "echo",
            "choices": [{"message": {"content": text}, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": 10, "completion_tokens": 2},
        }
    )


TOO_LONG = Answer(400, {"error": {"message": "This model's maximum context length is 2048 tokens."}})


async def ask(
    *answers: Answer, context_tokens: int, lines: list[str] = LINES
) -> tuple[list[str], list[ChunkProgress], Completion]:
    """Return what was asked, the parts that were reported, and the answer."""
    async with serving(*answers) as server:
        chat = ChatClient(server.url)
        asker = ChunkedAsker(chat, model="any", max_tokens=100, context_tokens=context_tokens)
        pieces = [piece async for piece in asker.ask(lines, ask_messages, merge_messages)]
        await chat.aclose()
    done = pieces[-1]
    assert isinstance(done, Completion)
    questions = [request.body["messages"][0]["content"] for request in server.asked]
    return questions, [piece for piece in pieces if isinstance(piece, ChunkProgress)], done


async def test_a_short_text_is_sent_at_once() -> None:
    questions, parts, done = await ask(answer_with("yes"), context_tokens=100_000)
    assert questions == ["What was decided?\n" + "\n".join(LINES)]
    assert (parts, done.text) == ([], "yes")


async def test_a_long_text_is_sent_in_chunks_and_the_answers_merged() -> None:
    questions, parts, done = await ask(answer_with("one"), answer_with("two"), answer_with("both"), context_tokens=1000)
    assert parts == [ChunkProgress(1, 2), ChunkProgress(2, 2)]
    assert "\n".join(question.partition("\n")[2] for question in questions[:2]) == "\n".join(LINES)
    assert questions[2] == "Make one of these.\nPart 1 of 2:\none\n\nPart 2 of 2:\ntwo\n"
    assert (done.text, done.input_tokens, done.output_tokens) == ("both", 30, 6)


async def test_chunks_shrink_if_the_server_reports_an_exceeded_context() -> None:
    questions, parts, done = await ask(TOO_LONG, *[answer_with("one")] * 3, answer_with("all"), context_tokens=100_000)
    assert len(questions[0]) > 4000
    assert max(map(len, questions[1:])) <= 3000
    assert (len(parts), done.text) == (3, "all")


async def test_long_answers_are_merged_in_several_rounds() -> None:
    long = answer_with("blah " * 300)
    questions, _, done = await ask(
        *[long] * 2, *[answer_with("short")] * 2, answer_with("all"), context_tokens=700, lines=LINES[:30]
    )
    assert sum(question.startswith("Make one") for question in questions) == 3
    assert done.text == "all"


async def test_an_empty_text_is_sent() -> None:
    questions, _, _ = await ask(answer_with("nothing"), context_tokens=1000, lines=[])
    assert questions == ["What was decided?\n"]


@given(st.lists(st.text(max_size=50)), st.integers(1, 60))
def test_splitting_loses_nothing_and_no_part_is_too_long(lines: list[str], most: int) -> None:
    parts = split_text(lines, most)
    assert all(len(part) <= most for part in parts)
    assert "".join(parts).replace("\n", "") == "".join(lines).replace("\n", "")


def test_parts_are_about_equally_long() -> None:
    lengths = [len(part) for part in split_text(["x" * 10] * 31, 110)]
    assert max(lengths) < 2 * min(lengths)
