import os
import signal
import threading
from collections.abc import Iterator

import pytest

from toprung.training.interrupt import Interrupted, StopSignal


@pytest.fixture(autouse=True)
def _handlers_are_put_back() -> Iterator[None]:
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    after = {number: signal.getsignal(number) for number in before}
    for number, handler in before.items():
        signal.signal(number, handler)
    assert after == before


@pytest.mark.parametrize(("number", "name"), [(signal.SIGINT, "Ctrl-C"), (signal.SIGTERM, "a termination signal")])
def test_the_first_signal_is_a_wish(number: signal.Signals, name: str) -> None:
    with StopSignal() as stop:
        assert not stop.requested
        os.kill(os.getpid(), number)
        assert stop.requested
        assert stop.name == name


def test_a_second_ctrl_c_stops_at_once() -> None:
    with pytest.raises(KeyboardInterrupt), StopSignal() as stop:
        os.kill(os.getpid(), signal.SIGINT)
        assert stop.requested
        os.kill(os.getpid(), signal.SIGINT)


@pytest.mark.parametrize("first", [signal.SIGINT, signal.SIGTERM])
def test_termination_on_top_of_a_first_signal_lets_the_state_be_saved(first: signal.Signals) -> None:
    with StopSignal() as stop:
        os.kill(os.getpid(), first)
        named = stop.name
        os.kill(os.getpid(), signal.SIGTERM)
        assert (stop.requested, stop.name) == (True, named)


def test_ctrl_c_after_a_termination_signal_must_still_be_pressed_twice() -> None:
    with pytest.raises(KeyboardInterrupt), StopSignal() as stop:
        os.kill(os.getpid(), signal.SIGTERM)
        os.kill(os.getpid(), signal.SIGINT)
        assert stop.requested
        os.kill(os.getpid(), signal.SIGINT)


def test_outside_the_block_ctrl_c_is_itself_again() -> None:
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs ignore it
    try:
        with StopSignal():
            pass
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
            threading.Event().wait(5)
    finally:
        signal.signal(signal.SIGINT, before)


def test_an_error_inside_puts_the_handlers_back() -> None:
    with pytest.raises(ZeroDivisionError), StopSignal():
        _ = 1 / 0


def test_in_another_thread_it_does_nothing() -> None:
    seen: list[object] = []

    def work() -> None:
        try:
            with StopSignal() as stop:
                seen.append(stop.requested)
        except ValueError as error:  # what signal.signal raises outside the main thread
            seen.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [False]


def test_the_exit_code_is_that_of_ctrl_c() -> None:
    assert Interrupted.exit_code == 128 + signal.SIGINT
