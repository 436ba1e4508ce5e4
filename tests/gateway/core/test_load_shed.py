"""Newcomers are refused over a mark, for as long as it is near, and not for what passes by itself."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parley_gateway.core.load_shed import RESUME, LoadShed

MARK = 0.9
SHARES = st.floats(0, 1.2)
#: (seconds since the last one, CPU, memory)
READINGS = st.lists(st.tuples(st.floats(0.01, 5), SHARES, SHARES), max_size=60)


def run(shed: LoadShed, readings: list[tuple[float, float, float]], now: float = 0.0) -> list[str | None]:
    answers: list[str | None] = []
    for after, cpu, memory in readings:
        now += after
        shed.read(now, cpu, memory)
        answers.append(shed.why)
    return answers


@given(readings=READINGS)
def test_below_the_marks_everybody_is_taken(readings: list[tuple[float, float, float]]) -> None:
    below = [(after, min(cpu, MARK), min(memory, MARK)) for after, cpu, memory in readings]
    assert not any(run(LoadShed(MARK, MARK), below))


@given(readings=READINGS, over=st.floats(0.95, 1.2))
def test_memory_over_its_mark_refuses_at_once_and_says_so(
    readings: list[tuple[float, float, float]], over: float
) -> None:
    assert run(LoadShed(MARK, MARK), [*readings, (0.5, 0.0, over)])[-1] == "memory"


@given(readings=READINGS, over=st.floats(0.95, 1.2))
def test_cpu_over_its_mark_refuses_when_it_lasts(readings: list[tuple[float, float, float]], over: float) -> None:
    assert run(LoadShed(MARK, 0.0), [*readings, *[(0.5, over, 0.0)] * 40])[-1] == "cpu"


@given(readings=READINGS)
def test_calm_takes_newcomers_again(readings: list[tuple[float, float, float]]) -> None:
    assert run(LoadShed(MARK, MARK), [*readings, *[(0.5, 0.2, 0.2)] * 40])[-1] is None


@given(between=st.lists(st.tuples(st.floats(0.01, 5), st.floats(RESUME * MARK + 0.01, MARK), st.just(0.0))))
def test_near_the_mark_the_answer_stays(between: list[tuple[float, float, float]]) -> None:
    """Whichever it was: what is between resuming and the mark changes nothing."""
    before = run(LoadShed(MARK, 0.0), between)
    assert not any(before)
    refusing = LoadShed(MARK, 0.0)
    run(refusing, [(0.5, 1.0, 0.0)] * 40)
    assert all(run(refusing, between, 20.0))


@given(readings=READINGS)
def test_marks_of_zero_refuse_nobody(readings: list[tuple[float, float, float]]) -> None:
    assert not any(run(LoadShed(0.0, 0.0), readings))


@pytest.mark.parametrize(("seconds", "refuses"), [(4, False), (12, True)])
def test_a_short_burst_refuses_nobody(seconds: int, refuses: bool) -> None:
    assert any(run(LoadShed(MARK, 0.0), [(0.5, 0.1, 0.0)] + [(0.5, 1.0, 0.0)] * 2 * seconds)) is refuses
