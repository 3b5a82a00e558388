"""When a worker of a batch gives a source up."""

from tui.batch.worker import Worker
from tui.model.events import State, StateChanged, StatsChanged
from tui.model.stats import Stats
from tui.stream.close_codes import TOO_MANY_SESSIONS

OFFLINE_S = 30.0


class Clock:
    """Seconds that a test sets."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def worker(clock: Clock) -> Worker:
    return Worker(lambda _: None, lambda: None, lambda: OFFLINE_S, clock=clock)


def at(worker: Worker, clock: Clock, now: float, connected_s: float) -> bool:
    """Return whether the worker gives up at a time, with so many seconds of open connections by then."""
    clock.now = now
    worker.publish(StatsChanged(Stats(connected_s=connected_s)))
    return worker.stop.is_set()


def test_a_source_without_a_connection_is_given_up() -> None:
    clock = Clock()
    one = worker(clock)
    assert not at(one, clock, OFFLINE_S, 0.0)
    one.publish(StateChanged(State.CONNECTING, "The endpoint cannot be reached. Next attempt in 4 s."))
    assert at(one, clock, OFFLINE_S + 1, 0.0)
    assert not one.was_connected
    assert one.failure is not None
    assert one.failure.message == "No connection to the endpoint for 31 s. The endpoint cannot be reached."


def test_the_time_without_a_connection_counts_from_the_last_one() -> None:
    clock = Clock()
    one = worker(clock)
    assert not at(one, clock, 29.0, 1.0)
    assert not at(one, clock, 58.0, 1.0)
    assert at(one, clock, 60.0, 1.0)
    assert one.was_connected


def test_an_endpoint_with_too_many_sessions_is_there() -> None:
    clock = Clock()
    one = worker(clock)
    clock.now = 25.0
    one.publish(StateChanged(State.DRAINING, f"{TOO_MANY_SESSIONS} Next attempt in 5 s."))
    assert not at(one, clock, 50.0, 0.0)
    assert one.refused


def test_a_wait_for_the_endpoint_is_reported_once_with_its_reason() -> None:
    clock, reported = Clock(), list[str]()
    one = Worker(lambda _: None, lambda: None, lambda: OFFLINE_S, reported.append, clock)
    at(one, clock, 1.0, 1.0)
    one.publish(StateChanged(State.RECONNECTING, "The connection was lost. Next attempt in 4 s."))
    at(one, clock, 5.0, 1.0)
    assert not reported, "most connections come back at once"
    for now in (7.0, 8.0, 20.0):
        at(one, clock, now, 1.0)
    assert (reported, one.waits) == (["The connection was lost."], True)
    at(one, clock, 21.0, 2.0)
    assert not one.waits
    at(one, clock, 29.0, 2.0)
    assert len(reported) == 2, "another wait"


def test_the_wait_for_room_at_the_endpoint_is_not_reported() -> None:
    clock, reported = Clock(), list[str]()
    one = Worker(lambda _: None, lambda: None, lambda: OFFLINE_S, reported.append, clock)
    one.publish(StateChanged(State.RECONNECTING, f"{TOO_MANY_SESSIONS} Next attempt in 8 s."))
    at(one, clock, 8.0, 0.0)
    assert not reported


def test_each_source_has_the_whole_time() -> None:
    clock = Clock()
    one = worker(clock)
    at(one, clock, 20.0, 7.0)
    clock.now = 45.0
    one.begin()
    assert not at(one, clock, 70.0, 0.0)
