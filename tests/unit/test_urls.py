import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.urls import host, is_complete, is_loopback, may_carry_key


@pytest.mark.parametrize(
    "url",
    ["http://127.0.0.1:8000", "ws://127.8.9.1/v3/ws", "http://[::1]:80/v1", "ws://LOCALHOST:9", "https://localhost"],
)
def test_this_machine_is_loopback_and_may_carry_a_key(url: str) -> None:
    assert is_loopback(url)
    assert may_carry_key(url)


@pytest.mark.parametrize("url", ["wss://streaming.assemblyai.com", "https://10.0.0.7/v1", "HTTPS://example.com"])
def test_an_encrypted_address_may_carry_a_key(url: str) -> None:
    assert not is_loopback(url)
    assert may_carry_key(url)


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com",
        "ws://10.0.0.7:8000",
        "http://127.0.0.1.example.com",
        "http://localhost.example.com",
        "http://127.0.0.1@example.com/",
        "http://127.0.0.1\\@example.com/",
        "http://example.com\\@127.0.0.1/",
        "http://exa mple.com@127.0.0.1/",
        "http://\n127.0.0.1",
        "http://０.0.0.0",
        "http://[::1",
        "http://0.0.0.0:8000",
        "127.0.0.1:8000",
        "localhost:8000",
        "https://",
        "",
    ],
)
def test_nothing_else_may_carry_a_key(url: str) -> None:
    assert not may_carry_key(url)


def test_the_host_is_what_a_client_would_connect_to() -> None:
    assert host("wss://user:pass@Streaming.EU.assemblyai.com:443/v3/ws?x=y") == "streaming.eu.assemblyai.com"
    assert host("ws://[::1]:8000") == "::1"
    assert host("not an address") == ""


@given(st.text() | st.from_regex(r"(ws|http)s?://.{0,20}[:@/\\]?.{0,20}"))
def test_any_text_is_accepted_as_a_url(url: str) -> None:
    host(url)
    if may_carry_key(url):
        assert host(url)


@pytest.mark.parametrize(
    ("url", "complete"),
    [
        ("ws://127.0.0.1:8765", True),
        ("wss://example.com", True),
        ("ws://[::1]:1", True),
        ("ws://127.0.0.1:99999", False),
        ("ws://127.0.0.1:port", False),
        ("wss://a host", False),
        ("ws://\0", False),
        ("wss://", False),
        ("ws://[::1", False),
    ],
)
def test_an_address_has_a_host_and_a_possible_port(url: str, complete: bool) -> None:
    assert is_complete(url) is complete
