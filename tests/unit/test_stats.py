import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.model.stats import percentile


@pytest.mark.parametrize(
    ("values", "share", "expected"),
    [
        ([15, 20, 35, 40, 50], 0.3, 20),
        ([15, 20, 35, 40, 50], 0.4, 20),
        ([15, 20, 35, 40, 50], 1.0, 50),
        ([3, 1], 0.5, 1),
        ([3, 1, 2], 0.5, 2),
        ([7], 0.95, 7),
        ([7, 8], 0.0, 7),
    ],
)
def test_percentiles_are_by_the_nearest_rank(values: list[float], share: float, expected: float) -> None:
    assert percentile(values, share) == expected


def test_an_empty_list_has_no_percentile() -> None:
    assert percentile([], 0.5) is None


@given(st.lists(st.floats(allow_nan=False), min_size=1), st.floats(0, 1))
def test_a_percentile_is_one_of_the_values_and_enough_lie_at_or_below_it(values: list[float], share: float) -> None:
    found = percentile(values, share)
    assert found in values
    at_or_below = sum(value <= found for value in values)
    assert at_or_below >= math.ceil(share * len(values))
