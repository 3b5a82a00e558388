"""Trust the certificate that `livegist serve --tls` made on this machine, for connections to this machine alone."""

import contextlib
import ssl

from tui.paths import tls_dir
from tui.urls import is_loopback

AUTHORITY = "ca.pem"
"""Name of the file that clients trust."""


def loopback_context(url: str) -> ssl.SSLContext | None:
    """Return the TLS settings for a connection, `None` for the default ones.

    Args:
        url: where to; only loopback addresses with TLS get other settings.
    """
    if not url.lower().startswith(("wss:", "https:")) or not is_loopback(url):
        return None
    # Unlike httpx2 without the environment's proxies, which loopback must not use, this one heeds SSL_CERT_FILE.
    context = ssl.create_default_context()
    with contextlib.suppress(OSError, ssl.SSLError):
        context.load_verify_locations(tls_dir() / AUTHORITY)
    return context
