"""Calls that bring the same elements: who waits for whom."""

from graphwright_checkpoints.flights import Flights


def test_those_that_come_later_wait_for_those_before() -> None:
    flights = Flights()
    with flights.announce(["a", "b"], on_loop=False) as before_one:
        with flights.announce(["b", "c"], on_loop=True) as before_two:
            assert before_one == []
            assert [landed.done() for landed in before_two] == [False]
            with flights.announce(["d"], on_loop=True) as before_three:
                assert before_three == []
        with flights.announce(["c"], on_loop=True) as before_four:
            assert before_four == []
    assert [landed.done() for landed in before_two] == [True]


def test_a_thread_does_not_wait_for_a_coroutine() -> None:
    flights = Flights()
    with flights.announce(["a"], on_loop=True):
        with flights.announce(["a"], on_loop=False) as others:
            assert others == []
        with flights.announce(["a"], on_loop=True) as others:
            assert len(others) == 1


def test_a_call_that_fails_has_landed_too() -> None:
    flights = Flights()
    try:
        with flights.announce(["a"], on_loop=True):
            raise KeyError
    except KeyError:
        pass
    with flights.announce(["a"], on_loop=True) as others:
        assert others == []


def test_a_waiter_that_gives_up_does_not_end_the_call() -> None:
    flights = Flights()
    with (
        flights.announce(["a"], on_loop=True),
        flights.announce(["a"], on_loop=True) as (landed,),
    ):
        assert not landed.cancel()
