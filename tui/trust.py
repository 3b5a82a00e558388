"""Trust the certificate that `livegist serve --tls` made on this machine, for connections to this machine alone."""

import ssl

from tui.paths import tls_dir
from tui.urls import is_loopback

AUTHORITY = "ca.pem"
"""Name of the file that clients trust."""


def loopback_context(url: str) -> ssl.SSLContext | None:
    """Return the TLS settings for a connection, `None` for the default ones.

    Args:
        url: where to; only loopback addresses with TLS get other settings, and only if a certificate was made here.
    """
    authority = tls_dir() / AUTHORITY
    if not url.lower().startswith(("wss:", "https:")) or not is_loopback(url) or not authority.is_file():
        return None
    context = ssl.create_default_context()
    try:
        context.load_verify_locations(authority)
    except (OSError, ssl.SSLError):
        return None
    return context
