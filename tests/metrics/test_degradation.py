"""What an attack takes of a model's accuracy, in points and relatively."""

import pytest

from bert_compression.errors import BadInput
from bert_compression.metrics.degradation import degradation


def test_points_and_shares_can_disagree_on_who_is_hurt_most():
    strong, weak = degradation([1] * 50 + [2] * 50), degradation([0] * 60 + [1] * 4 + [2] * 36)
    assert strong["degradation"] > weak["degradation"]
    assert strong["relative_degradation"] == 0.5 and weak["relative_degradation"] == pytest.approx(0.9)


def test_intervals_hold_the_values():
    found = degradation([0, 1, 2, 2, 1] * 20)
    for name in ("degradation", "relative_degradation"):
        assert found[f"{name}_low"] < found[name] < found[f"{name}_high"]


def test_a_model_that_was_never_right_has_no_share_to_lose():
    assert degradation([0, 0]).keys() == {"degradation", "degradation_low", "degradation_high"}


@pytest.mark.parametrize("outcomes", [[], [[0, 1]], [0, 3]])
def test_nonsense_is_refused(outcomes):
    with pytest.raises(BadInput, match="outcomes must"):
        degradation(outcomes)
