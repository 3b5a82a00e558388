"""Title of a session: when it is suggested, and what is made of an answer."""

import pytest

from tui.config.schema import Config
from tui.engine.title import MIN_TURNS, SUGGEST_AFTER_S, TitleSuggester, clean_title
from tui.llm.client import ChatClient
from tui.model.events import Event, TitleChanged, TurnChanged
from tui.model.session_state import SessionState
from tui.model.transcript import Turn


async def no_chat() -> ChatClient:
    raise AssertionError("nothing is asked here")


def suggester(config: Config, state: SessionState) -> TitleSuggester:
    published: list[Event] = []
    return TitleSuggester(config, state, no_chat, published.append)


def spoken(turns: int) -> SessionState:
    state = SessionState()
    for number in range(1, turns + 1):
        state.apply(TurnChanged(Turn(number, "So.", True, number, number + 1)))
    return state


@pytest.mark.parametrize(
    ("answer", "title"),
    [
        ("Release planning", "Release planning"),
        ('# "**Release** planning."\n\nIt is about…', "Release planning"),
        ("\n- Title: Budget for 2027", "Budget for 2027"),
        ("“Budget”", "Budget"),
        ("\x1b[31mred", "␛[31mred"),
        ("word " * 40, "word word word word word word word word word word word word…"),
        ("", ""),
    ],
)
def test_the_first_line_of_an_answer_is_the_title_without_its_marks(answer: str, title: str) -> None:
    assert clean_title(answer) == title


def test_it_is_asked_for_once_after_the_first_minute_and_some_turns() -> None:
    early = suggester(Config(), spoken(MIN_TURNS))
    assert not early.is_due(SUGGEST_AFTER_S - 1)
    assert early.is_due(SUGGEST_AFTER_S)
    assert not early.is_due(SUGGEST_AFTER_S + 1)
    assert not suggester(Config(), spoken(MIN_TURNS - 1)).is_due(SUGGEST_AFTER_S)


def test_it_is_not_asked_for_if_there_is_one_or_none_is_wanted() -> None:
    assert not suggester(Config(suggest_title=False), spoken(9)).is_due(900)
    named = spoken(9)
    waiting = suggester(Config(), named)
    named.apply(TitleChanged("Mine"))
    assert not waiting.is_due(900)
