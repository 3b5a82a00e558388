import pytest

from tests.viewer.screenshots import FOLDER, OTHERS, PICTURES, Picture, take


@pytest.mark.parametrize("picture", PICTURES, ids=lambda picture: picture.name)
async def test_the_picture_shows_the_dashboard_as_it_is(picture: Picture) -> None:
    kept = (FOLDER / f"{picture.name}.svg").read_text(encoding="utf-8")
    assert await take(picture) == kept, "run: python -m tests.viewer.screenshots"


def test_no_picture_is_left_over() -> None:
    assert {file.stem for file in FOLDER.glob("*.svg")} == {*OTHERS, *(picture.name for picture in PICTURES)}


def test_no_picture_fetches_anything() -> None:
    texts = {file.name: file.read_text(encoding="utf-8") for file in FOLDER.glob("*.svg")}
    assert len(texts) >= len(PICTURES)
    assert [name for name, text in texts.items() if "url(http" in text] == []
