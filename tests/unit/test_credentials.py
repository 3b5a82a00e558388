import base64
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from tui.cli import main
from tui.credentials import Credential, Key, api_key, delete, find, has_keyring, llm_key, redacted, store
from tui.errors import LivegistError, UsageError

PLANTED = "sk-planted-0123456789"


@pytest.fixture
def keyring_folder(tmp_path: Path) -> Iterator[Path]:
    """Give a keyring that really keeps keys, in files of its own."""
    import keyring
    from keyrings.alt.file import PlaintextKeyring

    backend = PlaintextKeyring()
    backend.file_path = str(tmp_path / "keyring" / "pass.cfg")
    before = keyring.get_keyring()
    keyring.set_keyring(backend)
    yield tmp_path / "keyring"
    keyring.set_keyring(before)


def test_a_keyring_that_writes_plain_text_is_used_only_if_that_is_asked_for(keyring_folder: Path) -> None:
    assert not has_keyring(safe=True)
    assert has_keyring(safe=False)
    result = CliRunner().invoke(main, ["login"], input=PLANTED)
    assert result.stdout == f"Stored in {Key.VENDOR.file}.\n"
    result = CliRunner().invoke(main, ["login", "--keyring"], input=PLANTED)
    assert result.stdout == "Stored in the keyring.\n"
    assert PLANTED not in Key.VENDOR.file.read_text()
    assert api_key() == PLANTED


def test_the_keyring_of_the_system_is_used_by_itself(monkeypatch: pytest.MonkeyPatch, keyring_folder: Path) -> None:
    monkeypatch.setattr("keyrings.alt.file.PlaintextKeyring.priority", 5)
    assert has_keyring(safe=True)
    assert CliRunner().invoke(main, ["login"], input=PLANTED).stdout == "Stored in the keyring.\n"


def test_there_is_no_key_until_one_is_kept() -> None:
    assert find(Key.VENDOR) is None
    assert api_key() == ""


def test_the_environment_comes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    store(Key.VENDOR, "kept", in_keyring=False)
    monkeypatch.setenv("ASSEMBLYAI_API_KEY", f" {PLANTED}\n")
    assert find(Key.VENDOR) == Credential(PLANTED, "ASSEMBLYAI_API_KEY")


def test_a_key_in_a_file_is_for_its_owner_alone() -> None:
    store(Key.VENDOR, PLANTED + "\n", in_keyring=False)
    assert api_key() == PLANTED
    assert stat.S_IMODE(Key.VENDOR.file.stat().st_mode) == 0o600
    assert stat.S_IMODE(Key.VENDOR.file.parent.stat().st_mode) == 0o700


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644])
def test_a_key_that_others_may_read_is_not_used(mode: int) -> None:
    store(Key.VENDOR, PLANTED, in_keyring=False)
    Key.VENDOR.file.chmod(mode)
    with pytest.raises(LivegistError, match="read by other users") as refused:
        api_key()
    assert PLANTED not in str(refused.value) + refused.value.hint


def test_the_keyring_keeps_a_key_and_no_file_of_ours_does(keyring_folder: Path, home: Path) -> None:
    store(Key.LLM, PLANTED, in_keyring=True)
    assert llm_key() == PLANTED
    ours = b"".join(path.read_bytes() for path in home.rglob("*") if path.is_file())
    assert PLANTED.encode() not in ours
    theirs = (keyring_folder / "pass.cfg").read_text().replace("\n", "").replace("\t", "")
    assert base64.b64encode(PLANTED.encode()).decode() in theirs


def test_a_key_that_left_the_keyring_is_missed(keyring_folder: Path) -> None:
    store(Key.VENDOR, PLANTED, in_keyring=True)
    (keyring_folder / "pass.cfg").unlink()
    with pytest.raises(LivegistError, match="no longer has the key"):
        api_key()


@pytest.mark.parametrize("in_keyring", [True, False])
def test_a_forgotten_key_is_gone_from_where_it_was(keyring_folder: Path, in_keyring: bool) -> None:
    store(Key.VENDOR, PLANTED, in_keyring=in_keyring)
    assert delete(Key.VENDOR)
    assert find(Key.VENDOR) is None
    assert not delete(Key.VENDOR)
    if in_keyring:
        assert base64.b64encode(PLANTED.encode()) not in (keyring_folder / "pass.cfg").read_bytes()


@pytest.mark.parametrize("value", ["", "  ", "two words", "a\nb", "schlüssel", "\x1b[31m"])
def test_an_invalid_key_is_refused(value: str) -> None:
    with pytest.raises(UsageError, match=r"^Not a valid key\.$") as refused:
        store(Key.VENDOR, value, in_keyring=False)
    assert refused.value.hint == "A key consists of ASCII letters, digits and punctuation, without spaces."
    assert find(Key.VENDOR) is None


def test_a_credential_does_not_show_itself() -> None:
    assert PLANTED not in repr(Credential(PLANTED, "somewhere"))


def test_keys_are_taken_out_of_what_servers_say() -> None:
    assert redacted(f"bad key {PLANTED}!", PLANTED, "") == "bad key [key]!"
