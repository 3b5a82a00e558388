"""What an address says of the way there: whose host it is, and whether a key may travel it."""

import ipaddress
from urllib.parse import urlsplit

ENCRYPTED = frozenset({"https", "wss"})


def host(url: str) -> str:
    """Return the host that `url` names, in lower case and without brackets; empty if it names none.

    An address that parsers read in different ways (a backslash, a space, a control character) names none.
    """
    if any(character == "\\" or character.isspace() or not character.isprintable() for character in url):
        return ""
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def is_loopback(url: str) -> bool:
    """Return whether `url` leads to this machine and no further, by its spelling alone: no name is looked up."""
    name = host(url)
    if name == "localhost":
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def may_carry_key(url: str) -> bool:
    """Return whether a key may be sent to `url`: encrypted, or not leaving this machine."""
    return is_loopback(url) or (bool(host(url)) and urlsplit(url).scheme in ENCRYPTED)
