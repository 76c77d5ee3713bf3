"""Timing two models in turn: who comes second finds warm caches, and must not gain by it."""

import time

import pytest
from stopped_clock import Clock

from bert_compression import timing


@pytest.fixture
def clock(monkeypatch):
    told = Clock()
    monkeypatch.setattr(timing, "time", told)
    return told


def timed(
    clock: Clock, seconds: dict[str, float], second_gains: float, drift: float
) -> dict[str, list[float]]:
    """Runs that take so long, less for the second of a round, on a machine that slows down."""
    called: list[str] = []

    def run(name: str) -> None:
        called.append(name)
        first = len(called) % 2 == 1
        clock.now += seconds[name] * (1.0 if first else second_gains) * (1 + drift * (len(called) // 2))

    found = timing.in_turn({name: lambda name=name: run(name) for name in seconds}, 40)
    assert called[:6] == ["teacher", "student", "student", "teacher", "teacher", "student"]
    assert len(called) == 2 * (40 + timing.WARM_UP) and all(len(each) == 40 for each in found.values())
    return found


@pytest.mark.parametrize("second_gains", [1.0, 0.9, 0.5])
@pytest.mark.parametrize("drift", [0.0, 0.2])
def test_a_model_beside_itself_is_just_as_fast_and_half_of_one_twice(clock, second_gains, drift):
    same = timed(clock, {"teacher": 2.0, "student": 2.0}, second_gains, drift)
    assert timing.speedup(same["teacher"], same["student"]) == pytest.approx(1.0, rel=0.02)
    half = timed(clock, {"teacher": 2.0, "student": 1.0}, second_gains, drift)
    assert timing.speedup(half["teacher"], half["student"]) == pytest.approx(2.0, rel=0.02)
    assert timing.speedup(half["student"], half["teacher"]) == pytest.approx(0.5, rel=0.02)


def test_a_hiccup_in_one_round_moves_nothing(clock):
    found = timed(clock, {"teacher": 3.0, "student": 1.0}, 1.0, 0.0)
    found["student"][7] *= 100
    assert timing.speedup(found["teacher"], found["student"]) == pytest.approx(3.0)


def test_seconds_are_those_of_the_call():
    seconds = timing.in_turn({"idle": lambda: None, "sleeping": lambda: time.sleep(0.002)}, 4)
    assert min(seconds["sleeping"]) >= 0.002 and max(map(len, seconds.values())) == 4
