"""Send a file of 16 kHz PCM with LiveKit's plugin; print each event as a line of JSON."""

import asyncio
import json
import sys
from pathlib import Path

import aiohttp
from livekit import rtc
from livekit.agents.stt import SpeechEventType
from livekit.plugins import assemblyai

RATE = 16_000
CHUNK = RATE // 10
WAIT_S = 60.0
"""Longest wait for the turns before the input is ended."""


async def main(url: str, audio: bytes, turns: int) -> None:
    left = asyncio.Semaphore(0)
    async with aiohttp.ClientSession() as http:
        stt = assemblyai.STT(api_key="any", base_url=url, http_session=http)
        stream = stt.stream()

        async def send() -> None:
            for at in range(0, len(audio), 2 * CHUNK):
                data = audio[at : at + 2 * CHUNK].ljust(2 * CHUNK, b"\0")
                stream.push_frame(rtc.AudioFrame(data, RATE, 1, CHUNK))
            async with asyncio.timeout(WAIT_S):
                for _ in range(turns):
                    await left.acquire()
            stream.end_input()

        sending = asyncio.create_task(send())
        async for event in stream:
            found = event.alternatives[0] if event.alternatives else None
            reported = {"event": event.type.value}
            if found:
                reported |= {"text": found.text, "language": str(found.language), "metadata": found.metadata}
            print(json.dumps(reported), flush=True)
            if event.type is SpeechEventType.END_OF_SPEECH:
                left.release()
        await sending
        await stream.aclose()


asyncio.run(main(sys.argv[1], Path(sys.argv[2]).read_bytes(), int(sys.argv[3])))
