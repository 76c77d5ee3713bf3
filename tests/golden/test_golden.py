"""Does the code still give the numbers that its version promised?

A number that moves on purpose moves with its kind's version: raise it, then `python tests/golden --update`.
Numbers agree within `TOLERANCE`: the kernels of other processors add in another order, and dynamic int8
rounds what lies between two levels the other way. Under ATEN_CPU_CAPABILITY=default the largest departure
from the numbers of avx2 was 0.0022, of the logits of a dynamically quantized model; predictions and outcomes
were equal.
"""

import json

import pytest
from cases import CASES, EXPECTED, TOLERANCE, Bench, differences

from bert_compression.experiments.kinds import KINDS

GOLDEN = json.loads(EXPECTED.read_text(encoding="utf-8"))


@pytest.fixture(scope="session")
def bench(tmp_path_factory):
    from bert_compression.experiments.kinds import cost

    before = dict(cost.ROUNDS)
    yield Bench(tmp_path_factory.mktemp("golden"))
    cost.ROUNDS.clear()
    cost.ROUNDS.update(before)


@pytest.mark.parametrize("name", CASES)
def test_a_toy_job_gives_its_golden_numbers(bench, name):
    assert name in GOLDEN, "a new case: run `python tests/golden --update`"
    found, expected = bench.found(name), GOLDEN[name]
    assert found["version"] == expected["version"], "run `python tests/golden --update` after a new version"
    assert differences(expected, found, TOLERANCE) == []


def test_every_kind_has_a_case_and_no_case_is_left_over():
    assert {expected["kind"] for expected in GOLDEN.values()} == KINDS.keys()
    assert GOLDEN.keys() == CASES.keys()


def test_departures_are_seen():
    expected = {"metrics": {"a": 0.5, "b": 2}, "per_example": {"p": "011"}, "list": [1.0, 2.0]}
    assert differences(expected, {**expected, "more": 1}, 0.001) == []
    for change in ({"metrics": {"a": 0.51, "b": 2}}, {"metrics": {"a": 0.5}}, {"per_example": {"p": "010"}},
                   {"list": [1.0, 2.1]}, {"list": [1.0]}):  # fmt: skip
        assert len(differences(expected, {**expected, **change}, 0.001)) == 1
