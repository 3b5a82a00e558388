import pytest

from tui.model.gists import Gist, GistStatus


@pytest.mark.parametrize("status", [GistStatus.DONE, GistStatus.TIMED_OUT, GistStatus.FAILED])
def test_a_gist_that_came_failed_or_timed_out_is_over(status: GistStatus) -> None:
    assert status.over


@pytest.mark.parametrize("status", [GistStatus.WAITING, GistStatus.STREAMING])
def test_a_gist_that_is_awaited_or_still_grows_is_not_over(status: GistStatus) -> None:
    assert not status.over


def test_a_new_gist_waits_for_its_answer() -> None:
    gist = Gist(1, turn=3, prompt="summary")
    assert (gist.status, gist.text, gist.model) == (GistStatus.WAITING, "", "")
