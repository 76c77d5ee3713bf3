"""What learners work on: answers from records, and small models that the store keeps."""

import numpy as np
import pytest
import torch

from bert_compression import workshop
from bert_compression.compression import kl_loss
from bert_compression.errors import Failure
from bert_compression.metrics import label_loyalty
from bert_compression.papers import committed, loyalty
from bert_compression.report.records import Source
from bert_compression.workshop import material


def weights(model):
    return torch.cat([tensor.flatten() for tensor in model.state_dict().values()])


def test_answers_and_outcomes_are_those_of_the_records():
    gold, answers, outcomes, as_found, judged = workshop.real_models()
    source, table = committed(), loyalty.TABLE_3
    assert list(answers) == list(outcomes) == [table.row(name).label for name in material.SHOWN]
    for name in material.SHOWN:
        label = table.row(name).label
        predicted, attacked = (
            source.done(table, name, c)[0]["metrics"] for c in ("accuracy", "after_attack_accuracy")
        )
        assert (answers[label] == gold).mean() == pytest.approx(predicted["accuracy"])
        assert (outcomes[label] == 1).mean() == pytest.approx(attacked["after_attack_accuracy"])
    kept = source.done(table, "kd", "label_loyalty")[0]["metrics"]["label_loyalty"]
    assert label_loyalty(answers["Teacher"], answers["KD"]) == pytest.approx(kept)
    assert ((as_found == 2) & (judged != 2)).any()


def test_without_records_the_reason_is_told(monkeypatch):
    nothing = Source("small", committed().profile, [])
    monkeypatch.setattr(material, "committed", lambda: nothing)
    with pytest.raises(Failure, match=r"^the committed records are missing: start the notebook in a clone"):
        material.real_models.__wrapped__()


def test_the_small_models_are_those_of_the_books_table(small_models):
    cells = Source("smoke", material.PROFILE, []).cells(loyalty.TABLE_3)
    made = [job.inputs["model"].identity for job in cells["kd", "accuracy"]]
    assert made == [material._student().identity]


def test_a_student_by_the_right_loss_is_the_one_that_was_made_before(small_models):
    right = workshop.distil(lambda s, t, temperature: kl_loss(s, t, temperature))
    assert torch.equal(weights(right), weights(small_models.student))
    other = workshop.distil(lambda s, t, temperature: kl_loss(s, t, 1.0))
    assert not torch.equal(weights(other), weights(small_models.student))


def test_a_small_teacher_knows_its_task_and_its_student_most_of_it(small_models):
    labels, teacher, student = small_models
    right = [(workshop.probabilities(each).argmax(axis=1) == labels).mean() for each in (teacher, student)]
    assert right[0] > 0.95 and 0.85 < right[1] < right[0]
    assert workshop.probabilities(teacher).sum(axis=1) == pytest.approx(np.ones(len(labels)))


def test_rounding_changes_the_matrices_of_a_copy_alone(tiny_bert):
    model = tiny_bert()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    few = workshop.rounded(model, torch.sign)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    changed = {name for name, value in few.state_dict().items() if not torch.equal(value, before[name])}
    linear = {f"{name}.weight" for name, each in model.named_modules() if isinstance(each, torch.nn.Linear)}
    assert changed == linear
    assert set(few.classifier.weight.flatten().tolist()) == {-1.0, 1.0}


def test_an_attack_says_what_became_of_each_sentence(small_models):
    texts, result = workshop.attacked(small_models.teacher, 3)
    assert len(texts) == len(result.outcomes) == 3
    assert [bool(text) for text in result.texts] == [outcome == 2 for outcome in result.outcomes]
