from tui.gateway.agreement import Agreement
from tui.gateway.recogniser import HeardWord


def heard(text: str) -> list[HeardWord]:
    return [HeardWord(word, at, at + 1, 1.0, (hash(word) % 50_000,)) for at, word in enumerate(text.split())]


def settled(agreement: Agreement) -> str:
    return " ".join(word.text for word in agreement.words[: agreement.settled])


def test_nothing_is_settled_by_one_hearing() -> None:
    agreement = Agreement()
    agreement.hear(heard("the quick brown fox"))
    assert agreement.settled == 0


def test_what_two_hearings_agree_on_is_settled() -> None:
    agreement = Agreement()
    agreement.hear(heard("the quick crown"))
    agreement.hear(heard("the quick brown fox"))
    assert settled(agreement) == "the quick"
    assert [word.text for word in agreement.words] == ["the", "quick", "brown", "fox"]


def test_the_last_word_is_never_settled() -> None:
    agreement = Agreement()
    agreement.hear(heard("the quick"))
    agreement.hear(heard("the quick"))
    assert settled(agreement) == "the"


def test_a_hearing_that_lost_settled_words_is_not_believed() -> None:
    agreement = Agreement()
    agreement.hear(heard("the quick brown fox"))
    agreement.hear(heard("the quick brown fox jumps"))
    agreement.hear(heard("the"))
    assert [word.text for word in agreement.words] == ["the", "quick", "brown", "fox", "jumps"]


def test_a_settled_word_keeps_its_text_and_time_whatever_is_heard_later() -> None:
    agreement = Agreement()
    agreement.hear(heard("the quick brown"))
    agreement.hear(heard("the quick brown fox"))
    agreement.hear([HeardWord(word.text.upper(), 9, 9, 0.1, word.tokens) for word in heard("a quack brawn fox sleeps")])
    assert settled(agreement).startswith("the quick")
    assert agreement.words[0].start_s == 0


def test_words_that_are_cut_out_are_not_given_back_to_the_recogniser() -> None:
    agreement = Agreement()
    agreement.hear(heard("the quick brown fox"))
    agreement.hear(heard("the quick brown fox jumps"))
    assert [word.text for word in agreement.cut(2)] == ["the", "quick"]
    assert agreement.tokens == tuple(token for word in heard("brown") for token in word.tokens)
