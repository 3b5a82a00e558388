"""Files, standard input and programs as sources: the audio is unchanged and paced in real time."""

import asyncio
import os
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import soundfile

from tests import loop_lag
from tests.conftest import DATA
from tests.media import write_container, write_late_audio, write_silent_video
from tests.terminal import LIVEGIST
from tui.audio import pipe_source, sound_file, wav
from tui.audio.sources import open_source
from tui.errors import SourceError

CLIP = min(DATA.glob("*.wav"))


def fast_clock(times: float = 50.0) -> Callable[[], float]:
    """Return a clock that goes faster, so that a test need not listen to all of it."""
    return lambda: time.monotonic() * times


async def read_source(spec: str, clock: Callable[[], float] | None = None) -> bytes:
    async with asyncio.timeout(30), open_source(spec, clock=clock or fast_clock()) as source:
        return b"".join([block async for block in source])


async def open_error(spec: str) -> SourceError:
    with pytest.raises(SourceError) as caught:
        await read_source(spec)
    assert caught.value.hint, "it says what to do"
    return caught.value


def samples(pcm: bytes) -> npt.NDArray[np.float64]:
    return np.frombuffer(pcm, "<i2").astype(np.float64)


def correlation(one: npt.NDArray[np.float64], other: npt.NDArray[np.float64]) -> float:
    length = min(len(one), len(other))
    return float(np.corrcoef(one[:length], other[:length])[0, 1])


@pytest.fixture(scope="module")
def speech() -> bytes:
    """Return two seconds of speech as s16le mono at 16 kHz."""
    frames, rate = soundfile.read(CLIP, frames=32_000, dtype="int16")
    assert rate == 16_000
    pcm: bytes = frames.tobytes()
    return pcm


def write_file(path: Path, speech: bytes, rate: int, channels: int, subtype: str) -> Path:
    """Write the speech as a file of another rate and number of channels."""
    import soxr

    frames = soxr.resample(samples(speech) / 32768, 16_000, rate)
    soundfile.write(path, np.repeat(frames[:, None], channels, axis=1), rate, subtype)
    return path


async def test_a_16_khz_wav_is_read_bit_for_bit(tmp_path: Path, speech: bytes) -> None:
    path = tmp_path / "speech.wav"
    path.write_bytes(wav.header(16_000, len(speech)) + speech)
    assert await read_source(str(path)) == speech


@pytest.mark.parametrize(
    ("name", "rate", "channels", "subtype"),
    [
        ("speech.wav", 44_100, 2, "PCM_24"),
        ("speech.flac", 48_000, 1, "PCM_16"),
        ("speech.ogg", 48_000, 2, "VORBIS"),
        ("speech.mp3", 24_000, 1, "MPEG_LAYER_III"),
        ("speech.aiff", 8_000, 6, "PCM_16"),
    ],
)
async def test_any_sound_file_is_resampled_to_16_khz(
    tmp_path: Path, speech: bytes, name: str, rate: int, channels: int, subtype: str
) -> None:
    sound = samples(await read_source(str(write_file(tmp_path / name, speech, rate, channels, subtype))))
    assert len(sound) == pytest.approx(32_000, abs=2_400)
    assert correlation(sound, samples(speech)) > 0.95


async def test_a_flac_that_breaks_off_is_read_up_to_there(tmp_path: Path) -> None:
    whole = tmp_path / "whole.flac"
    frames, rate = soundfile.read(CLIP, dtype="int16")
    soundfile.write(whole, np.tile(frames, 3), rate)
    (tmp_path / "cut.flac").write_bytes(whole.read_bytes()[: whole.stat().st_size * 2 // 3])
    read: list[bytes] = []

    async def read_all() -> None:
        async with open_source(str(tmp_path / "cut.flac"), clock=fast_clock()) as source:
            async for block in source:
                read.append(block)

    with pytest.raises(SourceError, match=r"cut\.flac is damaged: it was read up to 0:"):
        await read_all()
    got = samples(b"".join(read))
    assert len(got) > len(frames)
    assert np.array_equal(got, np.tile(frames, 3)[: len(got)].astype(np.float64))


async def test_a_flac_without_an_intact_block_is_an_error(tmp_path: Path) -> None:
    whole = tmp_path / "whole.flac"
    soundfile.write(whole, np.zeros(16_000, np.int16), 16_000)
    (tmp_path / "cut.flac").write_bytes(whole.read_bytes()[:100])
    assert "cut.flac is not a readable sound file" in (await open_error(str(tmp_path / "cut.flac"))).message


async def test_a_file_is_read_in_real_time_and_ends(tmp_path: Path, speech: bytes) -> None:
    path = tmp_path / "speech.wav"
    path.write_bytes(wav.header(16_000, 32_000) + speech[:32_000])
    given = 0
    async with open_source(str(path)) as source, loop_lag.measured() as machine:
        assert (source.name, source.finite, source.overflows) == ("speech.wav", True, 0)
        start = time.monotonic()
        async for block in source:
            given += len(block) // 2
            assert 320 <= len(block) // 2 <= 800
            assert time.monotonic() - start >= given / 16_000 - 0.005
        assert 1.0 <= time.monotonic() - start < 2.0 + machine.late_s


async def test_a_file_of_three_hours_starts_at_once_and_stays_on_the_disk(tmp_path: Path) -> None:
    path = tmp_path / "long.wav"
    size = 3 * 3600 * 32_000
    path.write_bytes(wav.header(16_000, size))
    os.truncate(path, wav.HEADER_BYTES + size)
    tracemalloc.start()
    try:
        async with asyncio.timeout(10), open_source(str(path)) as source:
            async for _ in source:
                break
        assert tracemalloc.get_traced_memory()[1] < 20_000_000
    finally:
        tracemalloc.stop()


def open_descriptors() -> set[str]:
    return {path.name for path in Path("/dev/fd").iterdir()}


async def test_a_source_is_closed_before_its_end(tmp_path: Path, speech: bytes) -> None:
    path = tmp_path / "speech.wav"
    path.write_bytes(wav.header(16_000, len(speech)) + speech)
    before = open_descriptors()
    async with open_source(str(path)) as source:
        async for _ in source:
            break
    assert open_descriptors() == before


@pytest.mark.parametrize("raw", [True, False])
async def test_a_program_may_write_raw_pcm_or_a_wav(tmp_path: Path, speech: bytes, raw: bool) -> None:
    path = tmp_path / "speech of mine"
    path.write_bytes(speech if raw else wav.header(16_000, 0) + speech)
    assert await read_source(f"cmd:cat '{path}'") == speech


async def test_a_program_may_write_a_wav_of_any_rate_and_chunks_after_it(tmp_path: Path, speech: bytes) -> None:
    path = write_file(tmp_path / "speech.wav", speech, 44_100, 2, "FLOAT")
    with path.open("ab") as file:
        file.write(b"LIST" + (1000).to_bytes(4, "little") + b"\x7f" * 1000)
    sound = samples(await read_source(f"cmd:cat {path}"))
    assert len(sound) == pytest.approx(32_000, abs=2)
    assert correlation(sound, samples(speech)) > 0.99


@pytest.mark.parametrize("late", [False, True])
async def test_a_named_pipe_is_read_whenever_its_writer_starts(tmp_path: Path, speech: bytes, late: bool) -> None:
    fifo = tmp_path / "pipe"
    os.mkfifo(fifo)

    async def write() -> None:
        await asyncio.to_thread(fifo.write_bytes, speech)

    async with asyncio.timeout(30):
        writer = None if late else asyncio.create_task(write())
        async with open_source(str(fifo), clock=fast_clock()) as source:
            writer = writer or asyncio.create_task(write())
            assert b"".join([block async for block in source]) == speech
        await writer


async def test_a_named_pipe_without_a_writer_can_be_closed(tmp_path: Path) -> None:
    fifo = tmp_path / "pipe"
    os.mkfifo(fifo)

    async def read_briefly() -> None:
        async with open_source(str(fifo)) as source, asyncio.timeout(0.2):
            async for _ in source:
                pass

    with pytest.raises(TimeoutError):
        await read_briefly()


async def test_a_program_that_fails_is_quoted() -> None:
    error = await open_error("""cmd:sh -c 'echo one >&2; echo "no such device: hw:7" >&2; exit 3'""")
    assert error.message == "sh ended with code 3: no such device: hw:7"


async def test_a_source_program_gets_no_api_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASSEMBLYAI_API_KEY", "planted")
    monkeypatch.setenv("OTHERS", "kept")
    error = await open_error("""cmd:sh -c 'echo "got $ASSEMBLYAI_API_KEY$OTHERS" >&2; exit 3'""")
    assert error.message == "sh ended with code 3: got kept"


async def test_a_program_that_fails_after_its_audio_is_quoted_too(speech: bytes) -> None:
    error = await open_error("cmd:sh -c 'head -c 32000 /dev/zero; echo unplugged >&2; kill -9 $$'")
    assert error.message == "sh ended with signal 9: unplugged"


@pytest.mark.parametrize(
    ("spec", "why"),
    [
        ("cmd:no-such-program-here", "cannot be started"),
        ("cmd:", "needs a program"),
        ("cmd:sh -c 'echo", "not a valid command"),
        ("cmd:true", "No audio came from true"),
        ("cmd:printf fLaC", "it is FLAC"),
        ("cmd:printf 'RIFF\\0\\0\\0\\0WAVEfmt '", "ends before its audio"),
        ("/no/such/file.wav", "No such file"),
        ("https://example.org/talk.mp3", "is an address, not a file"),
        ("/tmp", "directory"),
        ("/dev/null", "is not a readable sound file"),
        (__file__, "is not a readable sound file"),
    ],
)
async def test_an_unusable_source_says_why_and_what_to_do(spec: str, why: str) -> None:
    assert why in (await open_error(spec)).message


@pytest.mark.parametrize("installed", [True, False])
async def test_a_hint_names_ffmpeg_only_where_it_is_installed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, installed: bool
) -> None:
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in ("printf", "ffmpeg") if installed else ("printf",):
        (programs / name).symlink_to("/usr/bin/printf")
    monkeypatch.setenv("PATH", str(programs))
    hint = (await open_error("cmd:printf fLaC")).hint
    assert ("ffmpeg" in hint) == installed
    assert "--source" in hint


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize(
    ("name", "codec"),
    [
        ("talk.webm", "libopus"),
        ("talk.mkv", "pcm_s16le"),
        ("talk.mp4", "aac"),
        ("talk.m4a", "aac"),
        ("talk.aac", "aac"),
    ],
)
async def test_the_audio_of_a_container_is_read(
    tmp_path: Path, speech: bytes, name: str, codec: str, channels: int
) -> None:
    path = write_container(tmp_path / name, speech, codec, channels=channels)
    read, spoken = samples(await read_source(str(path))), samples(speech)
    assert len(read) == pytest.approx(32_000, abs=2_500), "a codec adds silence at the ends"
    length = 1 << 17
    delay = int(np.argmax(np.fft.irfft(np.fft.rfft(read, length) * np.fft.rfft(spoken, length).conj())))
    assert delay < 2_500
    assert correlation(read[delay:], spoken) > 0.9
    assert sound_file.duration_s(path) == pytest.approx(2.0, abs=0.1), "the progress of a transcription needs it"


@pytest.mark.parametrize("name", ["late.mkv", "late.mov"])
async def test_audio_that_starts_after_the_picture_keeps_its_time(tmp_path: Path, speech: bytes, name: str) -> None:
    path = write_late_audio(tmp_path / name, speech, start_s=5.0)
    assert await read_source(str(path)) == bytes(160_000) + speech


async def test_without_pyav_the_hint_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, speech: bytes
) -> None:
    path = write_container(tmp_path / "talk.mp4", speech, "aac")
    monkeypatch.setattr(sound_file, "is_supported", lambda: False)
    assert "pip install 'livegist[local]'" in (await open_error(str(path))).hint


async def test_a_video_without_audio_is_an_error(tmp_path: Path) -> None:
    path = write_silent_video(tmp_path / "silent.mkv")
    assert (await open_error(str(path))).message == "silent.mkv contains no audio."


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("talk.m3u8", "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\nother.aac\n#EXT-X-ENDLIST\n"),
        ("talk.mp4", "ffconcat version 1.0\nfile other.aac\n"),
    ],
)
async def test_a_playlist_opens_no_other_file(tmp_path: Path, speech: bytes, name: str, text: str) -> None:
    write_container(tmp_path / "other.aac", speech, "aac")
    playlist = tmp_path / name
    playlist.write_text(text)
    assert "is not a readable sound file" in (await open_error(str(playlist))).message


def ends(process: int) -> bool:
    """Return whether a process ends within five seconds; one that nobody has reaped yet has ended."""
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        state = subprocess.run(["ps", "-o", "stat=", "-p", str(process)], capture_output=True, text=True).stdout.strip()
        if state in ("", "Z"):
            return True
    return False


async def test_closing_a_source_ends_its_program_and_its_children(tmp_path: Path) -> None:
    told = tmp_path / "pids"
    script = f"trap '' TERM; cat /dev/zero & echo $$ $! >{told}; wait"
    async with asyncio.timeout(20), open_source(f'cmd:sh -c "{script}"') as source:
        async for _ in source:
            break
        leader, child = map(int, told.read_text().split())
        assert os.getpgid(child) == leader
    with pytest.raises(ProcessLookupError):
        os.kill(leader, 0)
    assert ends(child)


async def test_a_live_pipe_is_not_delayed(monkeypatch: pytest.MonkeyPatch) -> None:
    read_end, write_end = os.pipe()
    monkeypatch.setattr(pipe_source, "STDIN", read_end)
    late: list[float] = []
    async with asyncio.timeout(20), open_source("-") as source:
        blocks = aiter(source)
        for number in range(20):
            os.write(write_end, bytes([number]) * 1600)
            written_at = time.monotonic()
            assert await anext(blocks) == bytes([number]) * 1600
            late.append(time.monotonic() - written_at)
            await asyncio.sleep(0.05)
    os.close(write_end)
    os.close(read_end)
    assert sorted(late)[10] < 0.02


LISTENER = """
import asyncio, sys, time
from tui.audio.sources import open_source
async def main():
    async with open_source("-") as source:
        start = time.monotonic()
        async for block in source:
            sys.stdout.buffer.write(block)
        print(time.monotonic() - start, file=sys.stderr)
asyncio.run(main())
"""


@pytest.mark.parametrize("by", ["pipe", "redirect"])
def test_recorded_audio_on_stdin_is_read_in_real_time(tmp_path: Path, speech: bytes, by: str) -> None:
    path = tmp_path / "speech.wav"
    path.write_bytes(wav.header(16_000, len(speech)) + speech)
    command = [sys.executable, "-c", LISTENER]
    if by == "pipe":
        done = subprocess.run(command, input=path.read_bytes(), capture_output=True, timeout=30)
    else:
        with path.open("rb") as file:
            done = subprocess.run(command, stdin=file, capture_output=True, timeout=30)
    assert done.stdout == speech
    assert 2.0 - pipe_source.LEAD_S - 0.01 <= float(done.stderr) < 3.0


def test_a_terminal_or_nothing_on_stdin_is_refused_with_a_command_that_works() -> None:
    stream = (*LIVEGIST, "stream", "--url", "ws://127.0.0.1:1", "--source", "-")
    ours, theirs = os.openpty()
    for stdin, message in ((theirs, "Standard input is a terminal, not audio."), (None, "Standard input is empty.")):
        done = subprocess.run(
            stream, stdin=subprocess.DEVNULL if stdin is None else stdin, capture_output=True, text=True, timeout=60
        )
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr.splitlines() == [
            f"livegist: {message}",
            "Pipe audio into it: parec … | livegist stream --source -",
        ]
    os.close(ours)
    os.close(theirs)


def test_importing_the_sources_loads_no_audio_library() -> None:
    code = "import sys, tui.audio.sources; print({'numpy', 'sounddevice', 'soundfile', 'soxr'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=30)
    assert done.stdout.strip() == "set()"
