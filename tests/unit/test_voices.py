"""The diarisation error rate that the tests and the bench use."""

import pytest

from tests.voices import Span, diarisation_error, labelled

REFERENCE = [Span("ann", 0, 5), Span("bob", 5, 10)]


def test_labels_have_no_names_to_compare() -> None:
    assert diarisation_error(REFERENCE, [Span("B", 0, 5), Span("A", 5, 10)]).total == 0


def test_what_is_within_the_collar_of_a_change_is_not_scored() -> None:
    assert diarisation_error(REFERENCE, [Span("A", 0.2, 5.2), Span("B", 5.2, 9.8)]).total == 0
    later = diarisation_error(REFERENCE, [Span("A", 0, 6), Span("B", 6, 10)])
    assert later.total == later.confusion == pytest.approx(0.75 / 9, abs=0.005)


def test_each_kind_of_error_is_a_share_of_the_scored_speech() -> None:
    assert diarisation_error(REFERENCE, [Span("A", 0, 5)]).missed == pytest.approx(0.5, abs=0.005)
    one = diarisation_error(REFERENCE, [Span("A", 0, 10)])
    assert one.confusion == pytest.approx(0.5, abs=0.005)
    longer = diarisation_error(REFERENCE, [Span("A", 0, 5), Span("B", 5, 12.25)])
    assert longer.false_alarm == pytest.approx(2 / 9, abs=0.005)


def test_a_speaker_taken_for_two_is_confusion() -> None:
    found = [Span("A", 0, 2.5), Span("C", 2.5, 5), Span("B", 5, 10)]
    assert diarisation_error(REFERENCE, found).confusion == pytest.approx(0.25, abs=0.01)


def test_revisions_replace_labels() -> None:
    words = [{"start": 0, "end": 1000}]
    finals = [{"turn_order": 0, "words": words, "speaker_label": "B"}, {"turn_order": 1, "words": words}]
    revision = {"revisions": [{"turn_order": 0, "speaker_label": "A"}]}
    assert labelled(finals, [revision]) == [Span("A", 0, 1)]
