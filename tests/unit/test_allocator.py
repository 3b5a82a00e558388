"""Memory that the speech model keeps between decodes."""

import platform
import subprocess
import sys

import pytest

from tui.gateway.allocator import keep_large_blocks

PROGRAM = """
import resource
from tui.gateway.allocator import keep_large_blocks
if {kept}:
    assert keep_large_blocks()
first = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(10):
    b"x" * (50 << 20)
print((resource.getrusage(resource.RUSAGE_SELF).ru_minflt - first) * resource.getpagesize() >> 20)
"""


def fetched_mb(*, kept: bool) -> int:
    """Return the megabytes that a process gets from the system for 50 MB, used ten times one after the other."""
    return int(subprocess.check_output([sys.executable, "-c", PROGRAM.format(kept=kept)]))


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="needs the GNU C library")
def test_a_block_of_a_decode_is_used_again_by_the_next() -> None:
    assert fetched_mb(kept=False) > 400
    assert fetched_mb(kept=True) < 100


def test_another_system_keeps_its_allocator(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    assert not keep_large_blocks()
