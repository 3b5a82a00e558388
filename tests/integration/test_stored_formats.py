"""Sessions of older versions can be opened, searched, exported and extended; samples are in `data/sessions`."""

import json
import shutil

import pytest
import soundfile
from click.testing import CliRunner, Result

from tests.conftest import DATA
from tui.cli import main
from tui.model.events import State
from tui.model.gists import Gist, GistStatus
from tui.paths import private_dir, sessions_dir
from tui.sessions.added_gists import add_gists
from tui.sessions.export import FORMATS
from tui.sessions.journal import FORMAT
from tui.sessions.store import Store, StoredSession

SAMPLES = DATA / "sessions"


@pytest.fixture(params=range(1, FORMAT + 1), ids=lambda number: f"format-{number}")
def stored(request: pytest.FixtureRequest) -> StoredSession:
    """Put a sample of a format among the sessions."""
    private_dir(sessions_dir())
    shutil.copytree(SAMPLES / f"format-{request.param}", sessions_dir(), dirs_exist_ok=True)
    (found,) = Store(sessions_dir())
    return found


def livegist(*words: str) -> Result:
    return CliRunner().invoke(main, list(words))


def test_an_old_session_loads_unchanged(stored: StoredSession) -> None:
    record, about = stored.load(), stored.metadata()
    assert stored.read().lost == 0
    assert (record.state, len(record.transcript.finals), len(record.gists)) == (State.ENDED, 12, 13)
    turn = record.transcript.get(4)
    assert turn is not None
    assert turn.text == "I need a review of the new design before Wednesday, who has time for that."
    assert (turn.start_s, turn.words[0].text) == (32.192, "I")
    assert turn.track == ("" if stored.read().format == 1 else "them")
    assert record.session is not None
    assert record.session.source == "/home/ada/standup.flac"
    assert (about.name, about.tags, about.note) == ("Standup", ("release",), "the design")


def test_an_old_session_is_listed_found_and_exported(stored: StoredSession) -> None:
    assert "Standup" in livegist("sessions").stdout
    assert json.loads(livegist("search", "Wednesday", "review", "--json").stdout.splitlines()[0])["number"] == 4
    for format in FORMATS:
        assert "review" in livegist("export", "standup", "--format", format).stdout


def test_an_old_session_reports_no_damage(stored: StoredSession) -> None:
    assert list(Store(sessions_dir()).interrupted()) == []


def test_adding_to_an_old_session_keeps_its_content(stored: StoredSession) -> None:
    before = stored.events.read_bytes()
    (added,) = add_gists(stored, [Gist(0, None, "actions", "new", GistStatus.DONE)])
    assert added.number == 14
    assert stored.events.read_bytes().startswith(before)
    assert len(stored.load().gists) == 14


def test_unknown_events_of_a_newer_version_are_skipped(stored: StoredSession) -> None:
    with stored.events.open("ab") as journal:
        journal.write(b'{"at":75.6,"event":{"type":"applause","loudness":11}}\n')
    assert stored.read().lost == 1
    assert len(stored.load().transcript.finals) == 12


def test_unknown_fields_of_a_newer_version_are_ignored(stored: StoredSession) -> None:
    text = stored.events.read_text().replace('"final":true', '"final":true,"mood":"merry"')
    stored.events.write_text(text)
    assert stored.read().lost == 0
    assert len(stored.load().transcript.finals) == 12


def test_there_is_a_sample_of_every_format() -> None:
    assert {path.name for path in SAMPLES.iterdir()} == {f"format-{number}" for number in range(1, FORMAT + 1)}


def test_the_recording_of_a_sample_is_valid(stored: StoredSession) -> None:
    assert soundfile.info(stored.audio).frames == 8000
