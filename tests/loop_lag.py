"""How busy the machine is: what a test that measures time has to leave out of its account."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

TICK_S = 0.02
USUAL_S = 0.01
"""A sleep ends that much late on a machine that has nothing else to do."""


class Busy:
    """What was measured."""

    late_s = 0.0
    """Seconds for which the event loop could not run when it should have."""


@asynccontextmanager
async def measured() -> AsyncIterator[Busy]:
    """Measure, for as long as this lasts."""
    busy = Busy()

    async def tick() -> None:
        while True:
            due = time.monotonic() + TICK_S
            await asyncio.sleep(TICK_S)
            if (late_s := time.monotonic() - due) > USUAL_S:
                busy.late_s += late_s

    ticking = asyncio.create_task(tick())
    try:
        yield busy
    finally:
        ticking.cancel()
