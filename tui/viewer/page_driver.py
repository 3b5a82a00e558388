"""Driver of a page in a browser: writes packets for textual-serve to a pipe, and reads keys from one."""

import contextlib
import os
from collections.abc import Mapping
from queue import Full
from typing import IO, Any, cast

from textual import events, messages
from textual.driver import Driver
from textual.drivers import web_driver
from textual.drivers._writer_thread import WriterThread
from textual.drivers.web_driver import WebDriver

from tui.viewer.app import LivegistApp
from tui.viewer.driver import SYNC_END, SYNC_START
from tui.viewer.escape_parser import EscapeParser

MAX_SIZE = (1000, 500)
"""Largest screen, columns and rows: a client may claim any."""
END_S = 1.0
"""Longest wait for the last frames to be read."""


class PageDriver(WebDriver):
    """Textual's driver for pages, with one packet a frame, and without a wait for a page that reads nothing."""

    _frame: list[str] | None = None
    """Pieces of the current frame; `None` between frames."""

    def __init__(self, *args: Any, **settings: Any) -> None:
        settings["size"] = _limited(*(settings.get("size") or _requested_size(os.environ)))
        super().__init__(*args, **settings)
        self._writer_thread = WriterThread(cast("IO[str]", _PacketFile(self.fileno)))

    def start_application_mode(self) -> None:
        """Start the writer, then tell the server that a Textual app runs."""
        self._writer_thread.start()
        super().start_application_mode()
        # Textual takes a page for one in the background until its focus changes, but the page is focused before that.
        self._app.call_later(self._app.post_message, events.AppFocus())

    def stop_application_mode(self) -> None:
        """Write the last frames, if the page still reads, and tell the server that the app has ended."""
        with contextlib.suppress(Full):
            self._writer_thread._queue.put(None, timeout=END_S)
        self._writer_thread.join(END_S)
        if not self._writer_thread.is_alive():
            with contextlib.suppress(OSError):
                super().stop_application_mode()
        self.exit_event.set()

    def write(self, data: str) -> None:
        """Write data; buffer the pieces of a frame until it is complete."""
        if data == SYNC_START:
            self._frame = []
        if self._frame is None:
            self._writer_thread.write(data)
            return
        self._frame.append(data)
        if data == SYNC_END:
            frame, self._frame = self._frame, None
            self._writer_thread.write("".join(frame))

    def run_input_thread(self) -> None:
        """Read keys until the driver is closed; the app ends with the server, which is the other end of the pipe."""
        # Textual has no other way to choose the parser.
        web_driver.XTermParser = EscapeParser  # type: ignore[attr-defined]
        super().run_input_thread()
        if not self.exit_event.is_set():
            self.send_message(messages.ExitApp())

    def on_meta(self, packet_type: str, payload: dict[str, object]) -> None:
        """Process what the server says, with a size within limits."""
        if packet_type == "resize":
            match payload:
                case {"width": int(width), "height": int(height)}:
                    columns, rows = _limited(width, height)
                    payload = {"width": columns, "height": rows}
                case _:
                    return
        super().on_meta(packet_type, payload)


class _PacketFile:
    """File that writes text as packets of data, as far as a writer thread needs one."""

    def __init__(self, fd: int) -> None:
        self._fd = fd

    def write(self, text: str) -> None:
        payload = text.encode()
        packet = memoryview(b"D%s%s" % (len(payload).to_bytes(4, "big"), payload))
        # Nobody reads the rest once the server is gone; the input ends then, too, and with it the app.
        with contextlib.suppress(OSError):
            while packet:
                packet = packet[os.write(self._fd, packet) :]

    def flush(self) -> None:
        pass


def _requested_size(environ: Mapping[str, str]) -> tuple[int, int]:
    """Return the columns and rows that textual-serve has passed on."""
    columns, rows = environ.get("COLUMNS", ""), environ.get("ROWS", "")
    return (int(columns), int(rows)) if columns.isdecimal() and rows.isdecimal() else (80, 24)


def _limited(width: int, height: int) -> tuple[int, int]:
    return min(max(width, 1), MAX_SIZE[0]), min(max(height, 1), MAX_SIZE[1])


class PageApp(LivegistApp):
    """A viewer in a browser's page."""

    def get_driver_class(self) -> type[Driver]:
        """Return the driver of a page."""
        return PageDriver
