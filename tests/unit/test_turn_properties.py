"""Properties of turn recognition that hold for any speech: no word lost, none repeated, whatever the load."""

import itertools
from collections.abc import Sequence

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.coded_speech import CodedRecogniser, Spoken, speak
from tests.unit.turn_recognition_harness import CodedTurnModel, Session
from tui.gateway.endpointing import BY_SOUND, Endpointing
from tui.gateway.recogniser import Clip, RecognisedWord
from tui.gateway.turn_model import TurnModel
from tui.gateway.turn_settings import TurnSettings
from tui.stream.messages import WireTurn

TALK = st.lists(
    st.builds(
        Spoken, st.integers(0, 999), st.one_of(st.just(0), st.integers(0, 400), st.sampled_from([250, 620, 900, 1500]))
    ),
    min_size=1,
    max_size=80,
)


def transcribe(
    talk: Sequence[Spoken],
    chunk: int,
    run_every: int,
    recogniser: CodedRecogniser | None = None,
    turn_model: TurnModel | None = None,
) -> list[WireTurn]:
    """Return the finals of coded speech in chunks; finals are decoded after every few chunks, or at the end."""
    endpointing = BY_SOUND if turn_model else Endpointing()
    session = Session(recogniser, TurnSettings(endpointing, partials=False), turn_model)
    samples = speak(talk)
    for count, start in enumerate(range(0, len(samples), chunk)):
        session.turn_recogniser.feed(samples[start : start + chunk])
        if run_every and count % run_every == 0:
            session.scheduler.run_finals()
    session.turn_recogniser.force_endpoint()
    session.scheduler.run_finals()
    return [turn for turn in session.turns if turn.end_of_turn]


@settings(deadline=None, max_examples=60)
@given(TALK, st.integers(160, 16_000), st.integers(0, 40), st.sampled_from([None, CodedTurnModel()]))
def test_turns_and_decodes_do_not_depend_on_pace_load_and_chunks(
    talk: list[Spoken], chunk: int, run_every: int, turn_model: TurnModel | None
) -> None:
    def run(chunk: int, run_every: int) -> tuple[list[WireTurn], list[int]]:
        decodes: list[int] = []

        def noted(clip: Clip, words: tuple[RecognisedWord, ...]) -> tuple[RecognisedWord, ...]:
            decodes.append(len(clip.samples))
            return words

        return transcribe(talk, chunk, run_every, CodedRecogniser(noted), turn_model), decodes

    assert run(chunk, run_every) == run(512, 1)


@settings(deadline=None, max_examples=60)
@given(TALK, st.sampled_from([None, CodedTurnModel()]))
def test_no_word_is_lost_or_repeated(talk: list[Spoken], turn_model: TurnModel | None) -> None:
    words = [word for turn in transcribe(talk, 1600, 1, turn_model=turn_model) for word in turn.words]
    assert [word.text for word in words] == [spoken.text for spoken in talk]
    times = [time for word in words for time in (word.start, word.end)]
    assert times == sorted(times)


@settings(deadline=None, max_examples=40)
@given(
    st.lists(st.integers(0, 999), min_size=12, max_size=60, unique=True),
    st.integers(4, 7),
    st.floats(0, 1),
    st.booleans(),
)
def test_words_that_the_recogniser_skips_are_decoded_again(
    numbers: list[int], count: int, place: float, stretched: bool
) -> None:
    """The recogniser skips words in every long clip; at most two of them, too short for a gap, stay missing."""

    def faults(clip: Clip, words: tuple[RecognisedWord, ...]) -> tuple[RecognisedWord, ...]:
        if len(words) < 2 * count + 8:
            return words
        start = int(place * (len(words) - count))
        after = words[start + count :]
        if stretched and after:
            # The alignment stretches the next word over the hole.
            first = msgspec.structs.replace(after[0], start_s=words[start].start_s, confidence=0.1)
            after = (first, *after[1:])
        return (*words[:start], *after)

    talk = [Spoken(number) for number in numbers]
    words = [word.text for turn in transcribe(talk, 1600, 1, CodedRecogniser(faults)) for word in turn.words]
    places = [[spoken.text for spoken in talk].index(word) for word in words]
    missing = [after - before - 1 for before, after in itertools.pairwise([-1, *places, len(talk)])]
    assert all(0 <= run <= 2 for run in missing)
