"""Proxies from the environment: the variables that name one, and the error texts for proxies that do not work."""

import os
from collections.abc import Iterable
from typing import NamedTuple

SYSTEM_SETTINGS = "the system's settings"
"""Replaces the variable's name in messages where the operating system configures the proxy (macOS)."""


class ProxyFault(NamedTuple):
    """A problem with a proxy and its fix, one line each. Neither contains the proxy's password."""

    message: str
    hint: str


def proxy_variables(schemes: Iterable[str]) -> list[str]:
    """Return the environment variables that name a proxy for one of `schemes`, in order of precedence.

    Lower case precedes upper case, as in `urllib.request.getproxies_environment`.
    """
    names = (name for scheme in schemes for name in (f"{scheme}_proxy", f"{scheme}_proxy".upper()))
    return [name for name in names if os.environ.get(name)]


def invalid(variable: str) -> ProxyFault:
    """Describe a proxy address that cannot be parsed."""
    return ProxyFault(
        f"The proxy in {variable} is not a valid proxy address.",
        f"Write {variable} as http://host:port, or unset it to connect directly.",
    )


def unsupported(variable: str, package: str) -> ProxyFault:
    """Describe a SOCKS proxy when the package for SOCKS is not installed."""
    return ProxyFault(
        f"The SOCKS proxy in {variable} needs a package that is not installed.",
        f"Install it with: pip install '{package}', or unset {variable} to connect directly.",
    )


def unauthorized(variable: str) -> ProxyFault:
    """Describe a proxy that answers with status 407."""
    return ProxyFault(
        f"The proxy in {variable} requires a user name and a password (status 407).",
        f"Write {variable} as http://user:password@host:port.",
    )


def unusable(variable: str, server: str, reason: str) -> ProxyFault:
    """Describe any other failure to reach the host `server` through a proxy."""
    return ProxyFault(
        f"{server} cannot be reached through the proxy in {variable}: {reason}.",
        f"Check {variable}, or add {server} to no_proxy to connect directly.",
    )
