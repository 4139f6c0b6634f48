import os
import signal
import threading

import pytest

from netchip.train.interruption import interruptible


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_first_signal_is_a_request_and_handlers_come_back(number):
    before = signal.getsignal(number)
    with interruptible() as interruption:
        assert interruption.requested is None
        os.kill(os.getpid(), number)
        assert interruption.requested == number.name
    assert signal.getsignal(number) is before


@pytest.fixture
def ctrl_c_breaks_off():
    """As Python has it by default; a shell that starts the tests in the background has Ctrl-C ignored from the start."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("ctrl_c_breaks_off")
def test_a_second_ctrl_c_breaks_off():
    with interruptible() as interruption:
        os.kill(os.getpid(), signal.SIGINT)
        assert interruption.requested == "SIGINT"
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)


def test_handlers_come_back_after_an_error():
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(ZeroDivisionError), interruptible():
        raise ZeroDivisionError
    assert signal.getsignal(signal.SIGTERM) is before


def test_outside_the_main_thread_it_does_nothing():
    seen = []

    def work():
        with interruptible() as interruption:
            seen.append(interruption.requested)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [None]
