"""Tokens that open one session each."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.gateway.tokens import InvalidTokenError, Tokens


def test_a_token_opens_one_session() -> None:
    tokens = Tokens(clock=lambda: 100.0)
    token = tokens.issue(60, 120)
    assert tokens.redeem(token).session_s == 120
    with pytest.raises(InvalidTokenError, match="already used"):
        tokens.redeem(token)


def test_a_token_expires() -> None:
    now = 100.0
    tokens = Tokens(clock=lambda: now)
    token = tokens.issue(60)
    now = 160.0
    with pytest.raises(InvalidTokenError, match="expired"):
        tokens.redeem(token)


@given(st.text())
def test_a_forged_token_is_refused(text: str) -> None:
    with pytest.raises(InvalidTokenError, match="Invalid"):
        Tokens().redeem(f"lgt-{text}")


def test_a_token_of_another_gateway_is_refused() -> None:
    with pytest.raises(InvalidTokenError, match="Invalid"):
        Tokens().redeem(Tokens().issue(60))
