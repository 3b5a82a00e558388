"""A model hub on loopback: a repository's listing, its files with ranges, and the failures of a network."""

import hashlib
import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote

COMMIT = "5" * 40
LARGE = 100_000
"""Bytes from which a file is listed with its SHA-256, as large files of a hub are."""


class FakeHub:
    """Repositories of files, and what goes wrong with them."""

    def __init__(self) -> None:
        self.repositories: dict[str, dict[str, bytes]] = {}
        self.url = ""
        self.cut_after: int | None = None
        """Bytes of a response after which the connection breaks; `None` for never."""
        self.stall_after: int | None = None
        """Bytes of a response after which nothing more comes; `None` for never."""
        self.ignores_ranges = False
        self.replaced: dict[str, bytes] = {}
        """By file: what is sent instead of the content that the checksum is of."""
        self.received = 0
        """Number of requests of any kind."""
        self.requests: list[tuple[str, int]] = []
        """Each request for a file: its name and from which byte."""
        self.stalled = threading.Event()
        self.released = threading.Event()

    def add(self, repository: str, files: Mapping[str, bytes] | Path) -> None:
        """Add a repository with these files, or with those in a folder."""
        if isinstance(files, Path):
            found = [path for path in files.rglob("*") if path.is_file()]
            files = {path.relative_to(files).as_posix(): path.read_bytes() for path in found}
        self.repositories[repository] = dict(files)

    def listing(self, repository: str) -> dict[str, Any]:
        """Return what the hub's API says about a repository."""
        files = [_listed(name, content) for name, content in self.repositories[repository].items()]
        return {"id": repository, "modelId": repository, "sha": COMMIT, "siblings": files, "private": False}


def _listed(name: str, content: bytes) -> dict[str, Any]:
    blob = hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()
    entry = {"rfilename": name, "size": len(content), "blobId": blob}
    if len(content) < LARGE:
        return entry
    return entry | {"lfs": {"sha256": hashlib.sha256(content).hexdigest(), "size": len(content), "pointerSize": 134}}


@contextmanager
def serving() -> Iterator[FakeHub]:
    """Run a hub on a free port."""
    hub = FakeHub()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            hub.received += 1
            path = unquote(self.path.partition("?")[0]).strip("/")
            repository, _, file = path.partition(f"/resolve/{COMMIT}/")
            if file and file in hub.repositories.get(repository, ()):
                self._send_file(repository, file)
            elif (name := path.removeprefix("api/models/")) in hub.repositories:
                self._send(200, json.dumps(hub.listing(name)).encode(), {"Content-Type": "application/json"})
            else:
                self._send(401, b"{}", {"X-Error-Code": "RepoNotFound", "X-Error-Message": "Repository not found"})

        def _send_file(self, repository: str, file: str) -> None:
            content = hub.replaced.get(file, hub.repositories[repository][file])
            asked = int(self.headers.get("Range", "bytes=0-").removeprefix("bytes=").partition("-")[0])
            hub.requests.append((file, asked))
            start = 0 if hub.ignores_ranges else asked
            headers = {"Content-Range": f"bytes {start}-{len(content) - 1}/{len(content)}"} if start else {}
            self._send(206 if start else 200, content[start:], headers)

        def _send(self, status: int, body: bytes, headers: Mapping[str, str]) -> None:
            self.send_response(status)
            for name, value in {"Content-Length": str(len(body)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            limits = [limit for limit in (hub.cut_after, hub.stall_after) if limit is not None and limit < len(body)]
            self.wfile.write(body[: min(limits)] if limits else body)
            self.wfile.flush()
            if limits and hub.stall_after is not None:
                hub.stalled.set()
                hub.released.wait(60)
            if limits:
                self.close_connection = True

        def log_message(self, format: str, *args: object) -> None:
            """Print nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    hub.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield hub
    finally:
        hub.released.set()
        server.shutdown()
        thread.join()
        server.server_close()
