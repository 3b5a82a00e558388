from typing import Any, get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.structs import instances
from tui.model import commands, events
from tui.model.events import LevelChanged, Snapshot, StateChanged, TurnChanged
from tui.model.transcript import Turn


@pytest.mark.parametrize("kind", get_args(events.Event))
@given(given=st.data())
def test_every_event_survives_the_wire(kind: type[events.Event], given: st.DataObject) -> None:
    event = given.draw(instances(kind))
    line = events.encode(event)
    assert "\n" not in line
    assert events.decode(line) == event


@pytest.mark.parametrize("kind", get_args(commands.Command))
@given(given=st.data())
def test_every_command_survives_the_wire(kind: type[commands.Command], given: st.DataObject) -> None:
    command = given.draw(instances(kind))
    line = commands.encode(command)
    assert "\n" not in line
    assert commands.decode(line) == command


@pytest.mark.parametrize("decode", [events.decode, commands.decode])
@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{",
        b"[]",
        b"{}",
        b'{"type":"nonsense"}',
        b'{"type":3}',
        b"\xff",
        pytest.param(b"[" * 9000, id="deep list"),
        pytest.param(b'{"a":' * 9000, id="deep object"),
    ],
)
def test_an_unknown_event_is_an_error_of_one_type(decode: Any, raw: bytes) -> None:
    with pytest.raises(msgspec.MsgspecError):
        decode(raw)


def test_a_command_with_an_entry_too_many_is_refused() -> None:
    with pytest.raises(msgspec.ValidationError, match="unknown field `now`"):
        commands.decode('{"type":"stop","now":true}')


def test_an_event_of_a_newer_engine_may_say_more() -> None:
    assert events.decode('{"type":"state","state":"live","colour":"red"}') == StateChanged(events.State.LIVE)


def test_a_level_is_short_on_the_wire() -> None:
    assert events.encode(LevelChanged(-20.5, -9.0)) == '{"type":"l","r":-20.5,"p":-9.0}'


def test_the_type_says_which_event_it_is() -> None:
    assert events.encode(TurnChanged(Turn(1, "Hi.", True, 0.0, 1.0))) == (
        '{"type":"turn","turn":{"number":1,"text":"Hi.","final":true,"start_s":0.0,"end_s":1.0}}'
    )


def test_no_two_events_share_a_type() -> None:
    for closed in (events.Event, commands.Command):
        tags = [kind.__struct_config__.tag for kind in get_args(closed)]
        assert len(set(tags)) == len(tags)


def test_a_snapshot_of_an_idle_engine_says_little() -> None:
    assert events.encode(Snapshot(1, "0.1.0")) == '{"type":"snapshot","protocol":1,"version":"0.1.0"}'
