"""An sshd on loopback that accepts a key of its own."""

import getpass
import os
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.conftest import needs

MACHINE = "127.0.0.1"
USER = f"{getpass.getuser()}@{MACHINE}"
"""Destination of a login to it."""
SSHD = """\
Port {port}
ListenAddress 127.0.0.1
HostKey {folder}/host_key
AuthorizedKeysFile {folder}/key.pub
PidFile none
StrictModes no
UsePAM no
PermitRootLogin yes
PasswordAuthentication no
KbdInteractiveAuthentication no
PrintMotd no
"""


class Sshd:
    """An sshd on a free port that accepts the test's key."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        for name in ("host_key", "key"):
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / name)], check=True)
        (folder / "sshd_config").write_text(SSHD.format(port=self.port, folder=folder))
        if os.getuid() == 0:
            # Only its service makes the folder, without which it refuses to run as root.
            Path("/run/sshd").mkdir(exist_ok=True)
        with (folder / "sshd.log").open("wb") as log:
            self.process = subprocess.Popen(
                ["/usr/sbin/sshd", "-D", "-e", "-f", str(folder / "sshd_config")], stdin=subprocess.DEVNULL, stderr=log
            )

    def ready(self) -> None:
        """Wait until sshd listens."""
        deadline = time.monotonic() + 10
        while True:
            with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
                return
            assert time.monotonic() < deadline, (self.folder / "sshd.log").read_text()
            time.sleep(0.02)

    def options(self, port: int) -> list[str]:
        """Return the values of ssh's option `-o`."""
        return [
            f"Port={port}", f"IdentityFile={self.folder}/key", "IdentitiesOnly=yes", "IdentityAgent=none",
            f"UserKnownHostsFile={self.folder}/known_hosts", "StrictHostKeyChecking=accept-new", "LogLevel=ERROR",
        ]  # fmt: skip

    def stop(self) -> None:
        """Stop sshd and its connections."""
        self.process.terminate()
        self.process.wait(10)


@contextmanager
def running_sshd(folder: Path) -> Iterator[Sshd]:
    """Run an sshd; skip the test where there is none.

    Args:
        folder: where its keys, config and log are written.
    """
    needs("sshd", "ssh", "ssh-keygen")
    found = Sshd(folder)
    try:
        found.ready()
        yield found
    finally:
        found.stop()
