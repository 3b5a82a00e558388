import pytest

from tui.errors import UsageError
from tui.model.room_address import RoomAddress, parse_room, parse_rooms

WALLS = {"office": ["local", "Lobby=ines@lobby"], "empty": []}


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("local", RoomAddress("local")),
        ("here=local", RoomAddress("here")),
        ("studio", RoomAddress("studio", host="studio")),
        ("ines@studio.example.org", RoomAddress("studio.example.org", host="ines@studio.example.org")),
        ("Lobby=ines@lobby", RoomAddress("Lobby", host="ines@lobby")),
        ("~/team-b/", RoomAddress("team-b", home="~/team-b/")),
        ("b=/srv/b", RoomAddress("b", home="/srv/b")),
    ],
)
def test_a_room_is_this_machine_another_one_or_a_folder_with_a_name(text: str, address: RoomAddress) -> None:
    assert parse_room(text) == address


@pytest.mark.parametrize("text", ["", "=", "a=", "=studio"])
def test_an_invalid_room_address_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match=f"^Not a valid room: {text!r}"):
        parse_room(text)


@pytest.mark.parametrize("text", ["all", "all=studio"])
def test_no_room_is_called_as_all_rooms_are(text: str) -> None:
    with pytest.raises(UsageError, match="A room cannot be called all"):
        parse_room(text)


def test_the_name_of_a_wall_stands_for_its_rooms() -> None:
    names = [address.name for address in parse_rooms(["office", "studio"], WALLS)]
    assert names == ["local", "Lobby", "studio"]


def test_two_rooms_of_one_name_are_refused_with_what_helps() -> None:
    with pytest.raises(UsageError, match="Two rooms are called Lobby") as refused:
        parse_rooms(["office", "Lobby=studio"], WALLS)
    assert "NAME=" in refused.value.hint


@pytest.mark.parametrize("words", [[], ["empty"]])
def test_no_room_is_refused_with_the_names_of_the_walls(words: list[str]) -> None:
    with pytest.raises(UsageError, match="No room given") as refused:
        parse_rooms(words, WALLS)
    assert "office, empty" in refused.value.hint
