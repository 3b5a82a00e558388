"""URL checks: the host of a URL, and whether an API key may be sent to it."""

import ipaddress
from urllib.parse import urlsplit

ENCRYPTED = frozenset({"https", "wss"})


def host(url: str) -> str:
    """Return the host of `url` in lower case and without brackets; empty if there is none.

    A URL with a backslash, whitespace or a control character counts as having none: parsers disagree on its host.
    """
    if any(character == "\\" or character.isspace() or not character.isprintable() for character in url):
        return ""
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def is_complete(url: str) -> bool:
    """Return whether `url` has a host, and a port from 0 to 65535 if it names one."""
    try:
        return bool(host(url)) and (urlsplit(url).port or 0) >= 0
    except ValueError:
        return False


def is_loopback(url: str) -> bool:
    """Return whether the host of `url` is `localhost` or a loopback address; no name is resolved."""
    name = host(url)
    if name == "localhost":
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def may_carry_key(url: str) -> bool:
    """Return whether an API key may be sent to `url`: its scheme is encrypted, or its host is loopback."""
    return is_loopback(url) or (bool(host(url)) and urlsplit(url).scheme in ENCRYPTED)


def bracketed(host: str) -> str:
    """Return a host as it stands in a URL: an IPv6 address in brackets."""
    return f"[{host}]" if ":" in host else host
