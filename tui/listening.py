"""Listening sockets of the servers."""

import socket

from tui.errors import LivegistError
from tui.urls import bracketed


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens on an address.

    Args:
        host: name or address.
        port: 0 takes a free one.

    Raises:
        LivegistError: the address cannot be bound.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(family, kind, protocol)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen()
    except OSError as error:
        raise LivegistError(
            f"{bracketed(host)}:{port} cannot be bound: {error.strerror or error}.", "Use --port 0 for a free port."
        ) from error
    return listener
