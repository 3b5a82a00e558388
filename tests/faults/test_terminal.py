"""The terminal stalls, is hung up, or its viewer is killed; the session goes on, and one comes back to all of it."""

import asyncio
import os
import shlex
import signal
import subprocess
from pathlib import Path

import pytest

from tests.fake_endpoint import RATE, Endpoint, said, speech
from tests.faults.engines import assert_all_arrived, options
from tests.faults.screen import screen
from tests.server_harness import Hosted, hosted_until, hosting
from tests.terminal import LIVEGIST
from tui.engine.process import LOCK_NAME
from tui.model.commands import Start
from tui.model.events import Notice, Severity, State
from tui.sessions.store import Store, StoredSession

TURNS = 9
SOUND = speech(*range(1, TURNS + 1))
ATTACH = (*LIVEGIST, "attach")


async def begin(hosted: Hosted, server: Endpoint, folder: Path) -> None:
    await hosted.engine.execute(Start(options(SOUND, server.url, folder)))


async def over(hosted: Hosted) -> None:
    async with asyncio.timeout(60):
        await hosted.engine.wait_idle()


def assert_whole(hosted: Hosted, server: Endpoint) -> None:
    snapshot = hosted.engine.snapshot()
    assert snapshot.state is State.ENDED
    assert [turn.text for turn in snapshot.turns] == [said(n) for n in range(1, TURNS + 1)]
    assert snapshot.session is not None
    recorded = (Path(snapshot.session.path) / "audio.wav").read_bytes()[44:]
    assert recorded == SOUND == bytes(server.calls[0].audio)
    assert len(server.calls) == 1
    assert snapshot.stats.overflows == 0


async def test_an_escape_and_a_letter_in_one_packet_are_two_keys() -> None:
    async with hosting(), screen(*ATTACH) as shown:
        await shown.until("READY")
        shown.type("h")
        await shown.until("No past sessions")
        shown.type("\x1b,")
        await shown.until("Settings")
        shown.type("\x1b?")
        await shown.until("In Turns")


async def test_ctrl_z_suspends_until_the_shell_resumes_it() -> None:
    async with hosting() as hosted, screen("bash", "--norc", "--noprofile", "-i") as shown:
        shown.type(f"{shlex.join(ATTACH)}\n")
        await shown.until("READY")
        shown.type("\x1a")
        await shown.until("Stopped")
        assert hosted.host.viewers == 1
        shown.type("clear; fg\n")
        await shown.until("READY", "Press s to start")
        shown.type("?")
        await shown.until("In Turns")
        shown.type("\x1a")
        await shown.until("Stopped")
        shown.type("clear; fg\n")
        await shown.until("In Turns")


async def test_ctrl_z_without_a_shell_says_why_it_does_nothing() -> None:
    async with hosting(), screen(*ATTACH) as shown:
        await shown.until("READY")
        shown.type("\x1a")
        await shown.until("Not suspended")


async def test_the_setup_is_explained_only_without_one(monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    (home / "config").mkdir(parents=True)
    (home / "config" / "config.toml").write_text('engine = "cloud"\n')
    monkeypatch.delenv("ASSEMBLYAI_API_KEY", raising=False)
    async with hosting(), screen(*ATTACH) as shown:
        await shown.until("READY", "Not set up yet?", "livegist login")
    monkeypatch.setenv("ASSEMBLYAI_API_KEY", "a-key")
    async with hosting(), screen(*ATTACH) as shown:
        assert "Not set up yet?" not in await shown.until("READY", "Press s to start", "All keys")


async def test_a_terminal_that_is_not_read_stalls_the_viewer_alone(server: Endpoint, tmp_path: Path) -> None:
    async with hosting() as hosted, screen(*ATTACH) as shown:
        await shown.until("READY")
        await begin(hosted, server, tmp_path)
        await shown.until("LIVE", said(1))
        shown.stall()
        await over(hosted)
        assert_whole(hosted, server)
        shown.resume()
        await shown.until("ENDED", said(TURNS))


async def test_a_viewer_that_is_cut_off_for_its_stalled_terminal_comes_back_by_itself(
    server: Endpoint, tmp_path: Path
) -> None:
    async with hosting() as hosted, screen(*ATTACH) as shown:
        await shown.until("READY")
        await begin(hosted, server, tmp_path)
        await shown.until("LIVE", said(1))
        shown.stall()
        while hosted.host.viewers:
            # What ten minutes bring, at once.
            for number in range(100):
                hosted.publish(Notice(Severity.INFO, f"notice {number} {'x' * 400}"))
            await asyncio.sleep(0)
        await over(hosted)
        assert_whole(hosted, server)
        shown.resume()
        await shown.until("ENDED", said(TURNS), within_s=60)
        await hosted_until(hosted, lambda reported: reported.viewers == 1)


@pytest.mark.parametrize("how", ["hang-up", "SIGHUP", "SIGTERM", "SIGKILL"])
async def test_the_session_goes_on_without_its_viewer_and_is_come_back_to(
    server: Endpoint, tmp_path: Path, how: str
) -> None:
    async with hosting() as hosted:
        async with screen(*ATTACH) as shown:
            await shown.until("READY")
            await begin(hosted, server, tmp_path)
            await shown.until("LIVE", said(1))
            if how == "hang-up":
                shown.hang_up()
            else:
                shown.process.send_signal(getattr(signal, how))
            await shown.ended()
        await hosted_until(hosted, lambda reported: reported.viewers == 0)
        assert hosted.engine.snapshot().state is State.LIVE
        listed = await run("ls")
        assert "live" in listed
        assert "unattended for" in listed
        assert "0 viewers" in listed
        async with screen(*ATTACH) as again:
            await again.until("LIVE", said(2))
            await over(hosted)
            await again.until("ENDED", said(TURNS))
        assert_whole(hosted, server)


async def run(*words: str) -> str:
    done = await asyncio.to_thread(
        subprocess.run, (*LIVEGIST, *words), capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL
    )
    assert done.returncode == 0, done.stderr
    return str(done.stdout)


async def test_a_whole_life_in_processes_of_its_own(server: Endpoint, tmp_path: Path, home: Path) -> None:
    source = str(options(SOUND, server.url, tmp_path)["source"])
    async with screen(*LIVEGIST, "--url", server.url, "--source", source) as shown:
        await shown.until("READY")
        shown.type("s")
        await shown.until("LIVE", said(1))
        shown.type("d")
        assert await shown.ended() == 0
    assert "live" in await run("ls")
    async with screen(*LIVEGIST) as again:
        await again.until("LIVE", said(2))
        again.hang_up()
        await again.ended()
    reported = await run("stop")
    assert "Stopped. The session is stored in" in reported
    assert "No engine is running." in await run("ls")
    (stored,) = Store(home / "data" / "sessions")
    assert_kept_as_recorded(stored, server)


async def test_audio_that_a_killed_engine_did_not_transcribe_is_transcribed_on_request(
    server: Endpoint, tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LIVEGIST_CONTINUE_RECORDING", "false")
    # Of the last turn there is more than a second when the engine is killed, so that the rest is worth offering.
    sound = speech(1, 2) + speech(3, samples=RATE * 30)
    source = str(options(sound, server.url, tmp_path)["source"])
    async with screen(*LIVEGIST, "--url", server.url, "--source", source) as shown:
        await shown.until("READY")
        shown.type("s")
        await shown.until("LIVE", said(2), "turn 3 of")
        await shown.until_match(r"turn 3 of [3-9]\d{4} ")
        os.kill(int((home / "run" / LOCK_NAME).read_text()), signal.SIGKILL)
        await shown.until("RECORDING STOPPED")
        shown.type("x")
        await shown.until("✗ The engine was killed", "s not transcribed", "t transcribe rest")
        shown.type("t")
        await shown.until("ENDED", said(1), said(2))
        shown.type("q")
        assert await shown.ended() == 0
    (mended,) = Store(home / "data" / "sessions")
    recorded = mended.audio.read_bytes()[44:]
    assert sound.startswith(recorded)
    assert_all_arrived(recorded, server.calls)
    record = mended.load()
    assert record.state is State.ENDED
    assert [turn.number for turn in record.transcript.finals] == list(range(1, len(record.transcript.finals) + 1))
    assert [turn.text for turn in record.transcript.finals][:2] == [said(1), said(2)]
    assert record.stats.untranscribed_s == 0


def assert_kept_as_recorded(stored: StoredSession, server: Endpoint) -> None:
    record = stored.load()
    recorded = stored.audio.read_bytes()[44:]
    assert record.state is State.ENDED
    assert SOUND.startswith(recorded)
    assert recorded == bytes(server.calls[0].audio)
    whole = len(recorded) // 32_000
    assert [turn.text for turn in record.transcript.finals][:whole] == [said(n) for n in range(1, whole + 1)]


@pytest.mark.parametrize("redirection", ["2>errors.txt", "2>&-"])
async def test_the_screen_is_painted_on_the_terminal_wherever_stderr_goes(
    server: Endpoint, tmp_path: Path, redirection: str
) -> None:
    attach = f"cd {shlex.quote(str(tmp_path))}; {shlex.join(ATTACH)} {redirection}"
    async with hosting() as hosted, screen("sh", "-c", attach) as shown:
        await begin(hosted, server, tmp_path)
        await shown.until("LIVE", said(1))
        await shown.until("ENDED")
        shown.type("q")
        assert await shown.ended() == 0
    errors = tmp_path / "errors.txt"
    assert not errors.exists() or errors.read_bytes() == b""
