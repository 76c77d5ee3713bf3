"""Many intervals at once are the intervals one by one."""

import re

import numpy as np
import pytest

from bert_compression.errors import BadInput
from bert_compression.metrics import bootstrap_interval, bootstrap_intervals


@pytest.mark.parametrize("examples", [3, 50, 30_000])  # the last is drawn block by block
def test_each_column_gets_the_interval_it_gets_alone(examples):
    values = np.random.default_rng(0).normal(size=(examples, 3)) * [1, 5, 0]
    together = bootstrap_intervals(values, resamples=150)
    alone = [bootstrap_interval(column, resamples=150) for column in values.T]
    np.testing.assert_allclose(together, alone, atol=1e-13)
    widths = np.diff(together, axis=1).ravel()
    assert widths[1] > widths[0] > widths[2] == 0


def test_confidence_and_seed_are_those_of_the_single_interval():
    values = np.random.default_rng(1).exponential(size=40)
    for settings in ({"confidence": 0.8}, {"seed": 3}, {"resamples": 100}):
        together = bootstrap_intervals(values[:, None], **settings)
        np.testing.assert_allclose(together, [bootstrap_interval(values, **settings)])
        assert not np.allclose(together, [bootstrap_interval(values)])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([1.0, 2.0],), "an array of finite numbers (examples, columns) is needed, not shape (2,)"),
        (([[]],), "an array of finite numbers (examples, columns) is needed, not shape (1, 0)"),
        (([[np.nan]],), "an array of finite numbers (examples, columns) is needed, not shape (1, 1)"),
        (([[1.0]], 95), "confidence must lie between 0 and 1, not 95"),
    ],
)
def test_what_no_interval_can_come_from_is_refused(arguments, message):
    with pytest.raises(BadInput, match=f"^{re.escape(message)}$"):
        bootstrap_intervals(*arguments)
