"""`livegist sessions` and `livegist export` on real folders."""

import csv
import json
import os
import stat
import subprocess
import sys
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import soundfile

from tests.command import livegist
from tests.session_fixtures import STARTED, files, meeting_events, store_session
from tui.model.events import State, TurnBookmarked
from tui.paths import sessions_dir
from tui.sessions.catalogue import disk_usage, summarise
from tui.sessions.journal import Journal
from tui.sessions.metadata import SessionMetadata, update_metadata
from tui.sessions.store import Store


@pytest.fixture
def store() -> Store:
    return Store(sessions_dir())


def listed(*words: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in livegist("sessions", "list", "--json", *words).stdout.splitlines()]


def test_no_session_yet_is_said(store: Store) -> None:
    assert livegist("sessions", says="No session").stdout == ""


def test_a_session_is_listed_in_a_line(store: Store) -> None:
    stored = store_session(store, metadata=SessionMetadata("Standup", ("work",)))
    (line,) = livegist("sessions").stdout.splitlines()
    assert line.startswith(stored.id)
    for part in ("00:30", "5 turns", "ended", "#work", "Standup: Good morning everybody"):
        assert part in line


def test_a_session_whose_engine_was_killed_is_cut_off_and_one_under_way_is_live(store: Store) -> None:
    stored = store_session(store, state=None)
    assert "  interrupted  " in livegist("sessions").stdout
    engine = Journal(stored.events)
    assert "  live  " in livegist("sessions").stdout
    engine.close()


def test_the_newest_comes_first_and_the_rest_is_counted(store: Store) -> None:
    for day in range(25):
        store_session(store, [], started=STARTED + timedelta(days=day), sound_s=0.0)
    result = livegist("sessions", says="--all")
    ids = [line.split()[0] for line in result.stdout.splitlines()]
    assert len(ids) == 20
    assert ids == sorted(ids, reverse=True)
    assert len(listed("--all")) == 25


def test_sessions_are_chosen_by_tag_and_time(store: Store) -> None:
    old = store_session(store, metadata=SessionMetadata(tags=("work",)))
    new = store_session(store, started=STARTED + timedelta(days=10), metadata=SessionMetadata(tags=("work", "home")))
    assert [each["id"] for each in listed("--tag", "work")] == [new.id, old.id]
    assert [each["id"] for each in listed("--tag", "#home")] == [new.id]
    assert [each["id"] for each in listed("--since", (STARTED + timedelta(days=1)).isoformat())] == [new.id]


def test_a_moment_that_is_none_says_how_to_write_one(store: Store) -> None:
    livegist("sessions", "list", "--since", "yesteryear", code=2, says="90d")


def test_a_session_is_shown_with_its_turns_and_gists(store: Store) -> None:
    store_session(store)
    shown = livegist("sessions", "show", "last").stdout
    assert "[00:06] B: The migration is ready" in shown
    assert "  Summary of turn 2, by " in shown
    assert "Gist of turn 2." in shown
    assert "Ship on **Thursday**" in shown
    assert json.loads(livegist("sessions", "show", "last", "--json").stdout)["state"] == "ended"


def test_a_session_names_its_versions_and_they_name_it(store: Store) -> None:
    first = store_session(store)
    other = store_session(store, started=STARTED + timedelta(days=1), metadata=SessionMetadata(version_of=first.id))
    assert f"\ntranscribed again as {other.id}\n" in livegist("sessions", "show", first.id).stdout
    assert f"\nanother transcript of {first.id}\n" in livegist("sessions", "show", "last").stdout


def test_bookmarks_are_counted_and_shown(store: Store) -> None:
    store_session(store, [*meeting_events(), TurnBookmarked(2, "tell Ann"), TurnBookmarked(3, "")])
    assert "★2" in livegist("sessions").stdout
    assert "  ★ tell Ann\n" in livegist("sessions", "show", "last").stdout


@pytest.mark.parametrize("word", ["last", "2026-11-20", "standup", "Standup"])
def test_a_session_is_found_by_what_a_person_remembers(store: Store, word: str) -> None:
    stored = store_session(store, metadata=SessionMetadata("Standup"))
    assert stored.id in livegist("sessions", "show", word).stdout


@pytest.mark.parametrize("ending", ["", "/"])
def test_a_session_is_found_by_the_path_that_commands_print(store: Store, ending: str) -> None:
    stored = store_session(store)
    store_session(store, started=STARTED + timedelta(hours=1))
    assert stored.id in livegist("sessions", "show", f"{stored.path}{ending}").stdout
    livegist("sessions", "show", f"/elsewhere/{stored.id}", code=2, says="no session '/elsewhere/")


def test_a_word_that_may_mean_several_asks_for_more(store: Store) -> None:
    store_session(store)
    store_session(store, started=STARTED + timedelta(hours=1))
    livegist("sessions", "show", "2026", code=2, says="matches 2 sessions")


def test_a_word_that_means_none_is_a_usage_error(store: Store) -> None:
    store_session(store)
    livegist("sessions", "show", "1999", code=2, says="no session '1999'")


def test_a_session_is_renamed_tagged_and_noted_while_it_lives(store: Store) -> None:
    stored = store_session(store, state=None)
    engine = Journal(stored.events)
    livegist("sessions", "rename", "last", "Budget  talk")
    livegist("sessions", "tag", "last", "#money", "q 4")
    livegist("sessions", "note", "last", "ask Maria")
    livegist("sessions", "tag", "last", "money", "--remove")
    engine.close()
    assert stored.metadata() == SessionMetadata("Budget talk", ("q-4",), "ask Maria")


def test_two_who_tag_at_once_lose_neither_tag(store: Store) -> None:
    stored = store_session(store)
    program = (
        "import sys; from pathlib import Path; from tui.sessions.metadata import update_metadata\n"
        "for n in range(50): update_metadata(Path(sys.argv[1]), lambda about: about.with_tags(f'{sys.argv[2]}{n}'))"
    )
    both = [subprocess.Popen([sys.executable, "-c", program, str(stored.path), who]) for who in ("a", "b")]
    assert [each.wait(60) for each in both] == [0, 0]
    assert len(stored.metadata().tags) == 100


def test_two_who_add_answers_at_once_lose_none_and_break_nothing(store: Store) -> None:
    stored = store_session(store)
    program = (
        "import sys, time; from pathlib import Path; from tui.errors import SessionError\n"
        "from tui.model.gists import Gist, GistStatus; from tui.sessions.added_gists import add_gists\n"
        "from tui.sessions.store import StoredSession\n"
        "stored, added = StoredSession(sys.argv[1], Path(sys.argv[2])), 0\n"
        "while added < 20:\n"
        "    try: add_gists(stored, [Gist(0, None, 'actions', sys.argv[3], GistStatus.DONE)]); added += 1\n"
        "    except SessionError: time.sleep(0.001)\n"
    )
    both = [subprocess.Popen([sys.executable, "-c", program, stored.id, str(stored.path), who]) for who in ("a", "b")]
    assert [each.wait(60) for each in both] == [0, 0]
    assert stored.read().lost == 0
    added = [gist for gist in stored.load().gists.values() if gist.prompt == "actions"]
    assert sorted(gist.text for gist in added) == ["a"] * 20 + ["b"] * 20
    assert len({gist.number for gist in added}) == 40


def test_a_recording_that_is_cut_off_costs_what_was_cut_off_alone(store: Store) -> None:
    stored = store_session(store, sound_s=2.0)
    stored.audio.write_bytes(stored.audio.read_bytes()[:-16_001])
    livegist("sessions")
    livegist("export", "last", "--format", "srt", says="of the recording are missing")
    livegist("sessions", "compress", "last")
    assert soundfile.info(stored.audio).frames == 2 * 16_000 - 8_001
    assert len(stored.load().transcript.finals) == 5


def test_a_session_is_deleted_once_the_person_agrees(store: Store) -> None:
    store_session(store)
    livegist("sessions", "delete", "last", stdin="n\n", code=1, says="Aborted")
    assert len(list(store)) == 1
    livegist("sessions", "delete", "last", stdin="y\n")
    assert files(sessions_dir()) == []


def test_a_session_under_way_is_not_deleted(store: Store) -> None:
    stored = store_session(store, state=None)
    engine = Journal(stored.events)
    livegist("sessions", "delete", "last", "--yes", code=1, says="is active")
    engine.close()
    assert stored.audio.exists()


def test_a_session_under_way_is_refused_before_the_question(store: Store) -> None:
    engine = Journal(store_session(store, state=None).events)
    refused = livegist("sessions", "delete", "last", stdin="y\n", code=1, says="is active")
    engine.close()
    assert "Delete the session" not in refused.output


def test_a_named_session_without_speech_is_listed_by_its_name_alone(store: Store) -> None:
    Journal(store.create(STARTED).events).close()
    livegist("sessions", "rename", "last", "Planning")
    assert livegist("sessions", "list").stdout.splitlines()[0].endswith(" Planning")


def test_old_sessions_are_pruned_but_not_the_tagged_nor_the_live(store: Store) -> None:
    now = datetime.now().astimezone()
    new = store_session(store, started=now - timedelta(days=89))
    store_session(store, started=now - timedelta(days=91))
    tagged = store_session(store, started=now - timedelta(days=92), metadata=SessionMetadata(tags=("keep",)))
    live = store_session(store, started=now - timedelta(days=93), state=None)
    engine = Journal(live.events)
    dry = livegist("sessions", "prune", "--older-than", "90d", "--keep-tagged", "--dry-run")
    assert "1 session," in dry.stdout
    assert len(list(store)) == 4
    livegist("sessions", "prune", "--older-than", "90d", "--keep-tagged", "--yes")
    assert [stored.id for stored in store] == [new.id, tagged.id, live.id]
    livegist("sessions", "prune", "--older-than", "90d", "--yes")
    assert [stored.id for stored in store] == [new.id, live.id]
    engine.close()


def test_a_damaged_journal_gives_what_is_whole_and_says_what_is_not(store: Store) -> None:
    stored = store_session(store)
    lines = stored.events.read_bytes().splitlines(keepends=True)
    lines[4] = b'{"at": 1, "event": {"type": "turn", \xff\n'
    stored.events.write_bytes(b"".join(lines)[:-10])
    summary = summarise(stored)
    assert (summary.turns, summary.lost_lines) == (4, 2)
    assert "2 lines of the journal cannot be read" in livegist("sessions", "show", "last").stdout


def test_a_session_of_a_later_format_is_refused_in_two_lines(store: Store) -> None:
    stored = store_session(store)
    stored.events.write_bytes(stored.events.read_bytes().replace(b'"format":1', b'"format":99', 1))
    result = livegist("sessions", "show", "last", code=1, says="format 99")
    assert result.stderr.splitlines()[1] == "Update livegist."
    assert "format 99" in livegist("sessions").stdout


def test_a_damaged_name_costs_the_name_alone(store: Store) -> None:
    stored = store_session(store)
    (stored.path / "about.json").write_bytes(b"{")
    assert "about.json is damaged" in livegist("sessions").stdout
    livegist("sessions", "rename", "last", "new", code=1, says="about.json is damaged")
    assert (stored.path / "about.json").read_bytes() == b"{"


def test_hostile_names_do_not_reach_the_terminal(store: Store) -> None:
    store_session(store, metadata=SessionMetadata("\x1b[2Jname", ("\x1b[31m",), "\x1b]0;title\x07"))
    assert "\x1b" not in livegist("sessions").stdout + livegist("sessions", "show", "last").stdout


@pytest.mark.parametrize("format", ["md", "txt", "srt", "vtt", "json", "jsonl", "csv"])
def test_the_files_ending_says_the_format_and_nobody_else_may_read_it(
    store: Store, tmp_path: Path, format: str
) -> None:
    store_session(store)
    target = tmp_path / f"out.{format}"
    livegist("export", "last", "-o", str(target), says=f"Wrote {target}")
    assert target.read_text(encoding="utf-8") == livegist("export", "last", "--format", format).stdout
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert files(tmp_path) == [target]


def test_an_export_replaces_no_file_unless_asked_to(store: Store, tmp_path: Path) -> None:
    store_session(store)
    target = tmp_path / "out.csv"
    target.write_text("mine")
    livegist("export", "last", "-o", str(target), code=2, says="--force")
    assert target.read_text() == "mine"
    livegist("export", "last", "-o", str(target), "--force", says=f"Wrote {target}")
    assert len(list(csv.reader(target.read_text().splitlines()))) == 6


def test_an_export_goes_into_a_pipe_and_through_a_link_and_replaces_neither(store: Store, tmp_path: Path) -> None:
    store_session(store)
    pipe, link, target = tmp_path / "pipe", tmp_path / "link.txt", tmp_path / "notes.txt"
    os.mkfifo(pipe)
    with subprocess.Popen(["cat", str(pipe)], stdout=subprocess.PIPE, text=True) as reader:
        livegist("export", "last", "--format", "txt", "-o", str(pipe), says=f"Wrote {pipe}")
        assert reader.communicate(timeout=60)[0] == livegist("export", "last", "--format", "txt").stdout
    assert pipe.is_fifo()
    target.write_text("mine")
    link.symlink_to(target)
    livegist("export", "last", "-o", str(link), code=2, says="--force")
    livegist("export", "last", "-o", str(link), "--force", says=f"Wrote {link}")
    assert link.is_symlink()
    assert "Good morning" in target.read_text()
    livegist("export", "last", "--format", "md", "-o", str(tmp_path), "--force", code=1, says="Is a directory")


def test_an_export_that_cannot_be_written_leaves_nothing(store: Store, tmp_path: Path) -> None:
    store_session(store)
    livegist("export", "last", "-o", str(tmp_path / "missing" / "out.md"), code=1, says="No such file or directory")
    assert files(tmp_path) == []


def test_a_template_from_a_file_is_used(store: Store, tmp_path: Path) -> None:
    store_session(store, metadata=SessionMetadata("Standup"))
    template = tmp_path / "mine.md"
    template.write_text("{{title}}: {{length}}")
    assert livegist("export", "last", "--template", str(template)).stdout == "Standup: 00:30\n"
    livegist("export", "last", "--template", str(template), "--format", "csv", code=2, says="template")


def test_all_that_is_kept_is_for_its_owner_alone(store: Store) -> None:
    stored = store_session(store, state=State.ENDED)
    update_metadata(stored.path, lambda about: about.with_tags("x"))
    assert {stat.S_IMODE(file.stat().st_mode) for file in files(sessions_dir())} == {0o600}
    assert stat.S_IMODE(stored.path.stat().st_mode) == 0o700


def test_a_recording_that_two_versions_share_counts_once(store: Store) -> None:
    one, two = store_session(store), store_session(store, started=STARTED + timedelta(days=1))
    two.audio.unlink()
    two.audio.hardlink_to(one.audio)
    count, taken = disk_usage(store)
    assert count == 2
    assert taken == one.audio.stat().st_size + one.events.stat().st_size + two.events.stat().st_size


def test_a_stored_transcript_is_edited_split_merged_and_the_edits_undone(store: Store) -> None:
    stored = store_session(store)
    assert "C: When?" in livegist("sessions", "edit", "last", "2", "The migration is ready. | C: When?").stdout
    assert [turn.text for turn in stored.load().finals][1:3] == ["The migration is ready.", "When?"]
    assert "The migration is ready and I want" not in livegist("export", "last", "--format", "txt").stdout
    assert "The migration is ready." in livegist("sessions", "merge", "last", "1").stdout
    assert "The migration is ready and I want" in livegist("sessions", "show", "last", "--original").stdout
    livegist("sessions", "undo", "last")
    livegist("sessions", "undo", "last")
    assert stored.load().finals == stored.load().original_finals
    livegist("sessions", "undo", "last", code=2, says="no edit to undo")
    livegist("sessions", "merge", "last", "9", code=2, says="no final turn 9")
