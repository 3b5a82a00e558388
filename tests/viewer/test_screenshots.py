import pytest

from tests.viewer.screenshots import FOLDER, OTHERS, SCREENSHOTS, Screenshot, WallScreenshot, draw


@pytest.mark.parametrize("screenshot", SCREENSHOTS, ids=lambda screenshot: screenshot.name)
async def test_the_picture_shows_the_dashboard_as_it_is(screenshot: Screenshot | WallScreenshot) -> None:
    stored = (FOLDER / f"{screenshot.name}.svg").read_text(encoding="utf-8")
    assert await draw(screenshot) == stored, "run: python -m tests.viewer.screenshots"


def test_no_picture_is_left_over() -> None:
    assert {file.stem for file in FOLDER.glob("*.svg")} == {*OTHERS, *(screenshot.name for screenshot in SCREENSHOTS)}


def test_no_picture_fetches_anything() -> None:
    texts = {file.name: file.read_text(encoding="utf-8") for file in FOLDER.glob("*.svg")}
    assert len(texts) >= len(SCREENSHOTS)
    assert [name for name, text in texts.items() if "url(http" in text] == []
