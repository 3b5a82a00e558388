from tui.gateway.local_agreement import LocalAgreement
from tui.gateway.recogniser import RecognisedWord


def transcribed(text: str) -> list[RecognisedWord]:
    return [RecognisedWord(word, at, at + 1, 1.0, (hash(word) % 50_000,)) for at, word in enumerate(text.split())]


def settled(agreement: LocalAgreement) -> str:
    return " ".join(word.text for word in agreement.words[: agreement.settled])


def test_nothing_is_settled_by_one_transcription() -> None:
    agreement = LocalAgreement()
    agreement.update(transcribed("the quick brown fox"))
    assert agreement.settled == 0


def test_words_that_two_transcriptions_agree_on_are_settled() -> None:
    agreement = LocalAgreement()
    agreement.update(transcribed("the quick crown"))
    agreement.update(transcribed("the quick brown fox"))
    assert settled(agreement) == "the quick"
    assert [word.text for word in agreement.words] == ["the", "quick", "brown", "fox"]


def test_the_last_word_is_never_settled() -> None:
    agreement = LocalAgreement()
    agreement.update(transcribed("the quick"))
    agreement.update(transcribed("the quick"))
    assert settled(agreement) == "the"


def test_a_transcription_that_lost_settled_words_is_ignored() -> None:
    agreement = LocalAgreement()
    agreement.update(transcribed("the quick brown fox"))
    agreement.update(transcribed("the quick brown fox jumps"))
    agreement.update(transcribed("the"))
    assert [word.text for word in agreement.words] == ["the", "quick", "brown", "fox", "jumps"]


def test_a_settled_word_keeps_its_text_and_time_whatever_is_transcribed_later() -> None:
    agreement = LocalAgreement()
    agreement.update(transcribed("the quick brown"))
    agreement.update(transcribed("the quick brown fox"))
    agreement.update(
        [RecognisedWord(word.text.upper(), 9, 9, 0.1, word.tokens) for word in transcribed("a quack brawn fox sleeps")]
    )
    assert settled(agreement).startswith("the quick")
    assert agreement.words[0].start_s == 0


def test_words_that_are_cut_out_are_not_given_back_to_the_recogniser() -> None:
    agreement = LocalAgreement()
    agreement.update(transcribed("the quick brown fox"))
    agreement.update(transcribed("the quick brown fox jumps"))
    assert [word.text for word in agreement.pop(2)] == ["the", "quick"]
    assert agreement.tokens == tuple(token for word in transcribed("brown") for token in word.tokens)


def without_tokens(*words: tuple[str, float]) -> list[RecognisedWord]:
    return [RecognisedWord(word, at, at + 1, 1.0) for word, at in words]


def test_words_without_tokens_are_settled_by_their_text() -> None:
    agreement = LocalAgreement()
    agreement.update(without_tokens(("the", 0), ("quick", 1), ("crown", 2)))
    agreement.update(without_tokens(("the", 0), ("quick", 1), ("brown", 2), ("fox", 3)))
    assert settled(agreement) == "the quick"
    assert agreement.tokens == ()


def test_without_tokens_words_that_are_transcribed_again_otherwise_are_neither_lost_nor_doubled() -> None:
    agreement = LocalAgreement()
    agreement.update(without_tokens(("the", 0), ("blue", 1), ("bird", 2), ("sings", 3)))
    agreement.update(without_tokens(("the", 0), ("blue", 1), ("bird", 2), ("sings", 3)))
    assert settled(agreement) == "the blue bird"
    agreement.update(without_tokens(("the", 0), ("bluebird", 1.5), ("sings", 3), ("now", 4)))
    assert [word.text for word in agreement.words] == ["the", "blue", "bird", "sings", "now"]
    agreement.update(without_tokens(("the", 0), ("blue", 1), ("bi", 2), ("rd", 2.2), ("sings", 3), ("now", 4)))
    assert [word.text for word in agreement.words] == ["the", "blue", "bird", "sings", "now"]


def test_times_of_words_that_stay_count_from_the_end_of_those_removed() -> None:
    agreement = LocalAgreement()
    agreement.update(transcribed("the quick brown fox"))
    agreement.update(transcribed("the quick brown fox jumps"))
    agreement.pop(2)
    assert [(word.text, word.start_s, word.end_s) for word in agreement.words[:2]] == [("brown", 0, 1), ("fox", 1, 2)]
