"""livegist: a live dashboard for speech in a terminal."""

__version__ = "0.1.0"
