"""Error and OOD overlap of two models, from answers and flags that are made by hand."""

from types import SimpleNamespace

import numpy as np
import pytest

from bert_compression.experiments.kinds import KINDS, Work
from bert_compression.experiments.kinds.compare import FLAGS
from bert_compression.experiments.kinds.work import LOGITS
from bert_compression.metrics import expected_error_jaccard
from bert_compression.tasks import get_task


def work(folder, answers, flags, gold):
    inputs = {}
    for side in "ab":
        for name in (f"predictions_{side}", f"ood_{side}"):
            inputs[name] = folder / name
            inputs[name].mkdir()
        np.savez(inputs[f"predictions_{side}"] / LOGITS, logits=np.eye(3)[answers[side]])
        outside = np.array(flags[side], dtype=bool)
        np.savez(inputs[f"ood_{side}"] / FLAGS, inside=~outside, outside=outside)
    examples = SimpleNamespace(labels=gold)
    return Work({}, get_task("mnli"), inputs, folder, examples, None, lambda done, of: None)


def test_errors_and_flagged_foreign_examples_are_compared_as_sets(tmp_path):
    gold = [0, 1, 2, 0] * 25
    answers = {"a": [0, 0, 0, 0] * 25, "b": [1, 0, 2, 0] * 25}  # wrong: 2nd and 3rd; 1st and 2nd
    flags = {"a": [1, 1, 0, 0] * 25, "b": [1, 1, 0, 0] * 25}
    metrics = KINDS["overlap"].run(work(tmp_path, answers, flags, gold)).metrics
    assert metrics["error_jaccard"] == pytest.approx(1 / 3)
    assert metrics["error_jaccard_chance"] == pytest.approx(expected_error_jaccard(0.5, 0.5))
    assert metrics["error_jaccard_low"] < 1 / 3 < metrics["error_jaccard_high"]
    assert metrics["outlier_jaccard"] == metrics["outlier_jaccard_low"] == 1.0
    assert metrics["outlier_jaccard_chance"] == pytest.approx(1 / 3)


def test_without_foreign_examples_errors_alone_are_compared(tmp_path):
    gold = [0, 1, 2, 0] * 25
    answers = {"a": [0, 0, 0, 0] * 25, "b": [1, 0, 2, 0] * 25}
    both = work(tmp_path, answers, {"a": [0] * 100, "b": [0] * 100}, gold)
    for side in "ab":
        del both.inputs[f"ood_{side}"]
    metrics = KINDS["overlap"].run(both).metrics
    assert metrics["error_jaccard"] == pytest.approx(1 / 3)
    assert not any(name.startswith("outlier") for name in metrics)
