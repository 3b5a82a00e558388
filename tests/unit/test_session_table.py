import pytest

from tui.cli.session_table import fit_to_terminal
from tui.text import size


@pytest.fixture
def forty_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tui.cli.session_table.on_a_terminal", lambda: True)
    monkeypatch.setenv("COLUMNS", "40")


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("x" * 40, "x" * 40),
        ("x" * 41, "x" * 39 + "…"),
        ("会" * 20, "会" * 20),
        ("会" * 21, "会" * 19 + "…"),
        ("e\u0301" * 40, "e\u0301" * 40),
    ],
)
def test_a_line_is_as_wide_as_the_terminal_by_its_cells(forty_columns: None, line: str, shown: str) -> None:
    assert fit_to_terminal(line) == shown


def test_a_line_for_a_file_is_whole() -> None:
    assert fit_to_terminal("x" * 1000) == "x" * 1000


@pytest.mark.parametrize(
    ("size_bytes", "reported"), [(0, "0 kB"), (99_000, "99 kB"), (2_400_000, "2.4 MB"), (1_250_000_000, "1.2 GB")]
)
def test_sizes_are_written_as_a_person_reads_them(size_bytes: int, reported: str) -> None:
    assert size(size_bytes) == reported
