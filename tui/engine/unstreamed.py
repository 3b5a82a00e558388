"""Stream of a track that is sent mixed with others, over the connection of the first track."""


class Unstreamed:
    """Sends nothing; in place of `ReconnectingStream`."""

    sent = behind = untranscribed = opened = lost = 0
    socket_s = 0.0
    round_trip_s: float | None = None
    expires_s: float | None = None
    wait_left_s: float | None = None
    recorded = True

    def use_prompt(self, prompt: str) -> None:
        """Do nothing."""

    def renew(self) -> None:
        """Do nothing."""

    def give_up_after(self, seconds: float) -> None:
        """Do nothing."""

    def abandon(self) -> None:
        """Do nothing."""

    def reconnect(self) -> None:
        """Do nothing."""

    async def run(self) -> None:
        """Return at once."""
