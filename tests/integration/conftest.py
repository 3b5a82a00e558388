"""Fixtures of the integration tests."""

from pathlib import Path

import pytest

from tests.fake_endpoint import RATE
from tui.audio.recording import Recording


@pytest.fixture
def recording(tmp_path: Path) -> Recording:
    """Create an empty recording."""
    return Recording.create(tmp_path / "audio.wav", RATE)
