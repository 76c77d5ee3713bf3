"""An attack on both sides of a comparison: confirmed alone, and the teacher's texts put to the student."""

from dataclasses import replace

import pandas as pd
import pytest
import torch
from small import permuted

from bert_compression.compare import compare, open_classifier, read_data
from bert_compression.compare.robustness import attacked, word_resources, words_for
from bert_compression.errors import BadInput
from bert_compression.metrics import ALREADY_WRONG, FOOLED
from bert_compression.models import load_encoder, load_tokenizer
from bert_compression.smoke import load

TEXTS = 12


def fooled_easily(seed: int = 0):
    """The small BERT of this package under a head with large random weights."""
    model = load_encoder("builtin-bert", 2, seed=seed)
    with torch.no_grad():
        model.classifier.weight.mul_(100)
    model.config.id2label, model.config.label2id = {0: "a", 1: "b"}, {"a": 0, "b": 1}
    return model


def attack(teacher, student, order=None, recipe="textfooler"):
    """Both attacked on built-in sentences, whose labels are the teacher's own answers."""
    sides = {
        name: open_classifier((model, load_tokenizer("builtin-bert")))
        for name, model in (("teacher", teacher), ("student", student))
    }
    whole = read_data("builtin-sst2")
    data = replace(whole, texts=whole.texts[:40])
    gold = sides["teacher"].ask(data).values.argmax(axis=1)
    return attacked(
        recipe, words_for(recipe, data), sides, order, data, ("a", "b"), gold, TEXTS, lambda *_: None
    )


def test_a_student_of_other_order_is_attacked_under_the_teachers_labels_and_fooled_by_its_texts():
    teacher = fooled_easily()
    found = attack(teacher, permuted(teacher, (1, 0)), order=[1, 0])
    measures = found.measures
    before, after = (
        measures[f"teacher_{word}"] for word in ("clean_accuracy_of_attacked", "after_attack_accuracy")
    )
    assert before.value == 1.0 > after.value and after.n == TEXTS
    assert measures["student_after_attack_accuracy"] == after
    assert measures["after_attack_accuracy_difference"].value == 0.0
    assert measures["transfer_rate"].value == 1.0
    assert measures["teacher_adversarial_texts"].value == round((1 - after.value) * TEXTS)
    assert found.resources == "builtin"
    assert all(fooled and text != changed for text, changed, fooled in found.transferred)
    assert len(found.transferred) == measures["teacher_adversarial_texts"].value


def test_a_student_of_one_answer_is_judged_on_what_it_has_right_and_never_fooled():
    stubborn = fooled_easily()
    with torch.no_grad():
        stubborn.classifier.weight.zero_()
        stubborn.classifier.bias.copy_(torch.tensor([1.0, 0.0]))
    measures = attack(fooled_easily(), stubborn).measures
    clean = measures["student_clean_accuracy_of_attacked"].value
    assert 0 < clean == measures["student_after_attack_accuracy"].value < 1
    assert 0 < measures["transfer_rate"].n < measures["teacher_adversarial_texts"].value
    assert measures["transfer_rate"].value == 0.0


def test_outcomes_count_only_where_the_text_fools_alone(monkeypatch):
    import bert_compression.compare.robustness as robustness

    run = robustness.attack
    seen = []

    def watched(*arguments, **options):
        seen.append(run(*arguments, **options))
        return seen[-1]

    monkeypatch.setattr(robustness, "attack", watched)
    found = attack(fooled_easily(), fooled_easily(seed=3)).measures
    for side, result in zip(("teacher", "student"), seen, strict=True):
        assert found[f"{side}_successes_lost_alone"].value == result.lost_alone
        right = sum(outcome != ALREADY_WRONG for outcome in result.outcomes)
        assert found[f"{side}_clean_accuracy_of_attacked"].value == right / TEXTS
    assert FOOLED in seen[0].outcomes


def test_words_come_from_where_the_data_do(monkeypatch, no_network, real_data):
    own = read_data(load("sst2", "validation").head(3))
    assert word_resources(read_data("builtin-sst2")).name == "builtin"
    monkeypatch.setenv("BERT_COMPRESSION_DATA", str(real_data))
    assert word_resources(own).name == "folder"
    monkeypatch.delenv("BERT_COMPRESSION_DATA")
    with pytest.raises(BadInput, match="genuine word resources"):
        word_resources(own)


@pytest.mark.parametrize(
    ("recipe", "text", "message"),
    [
        ("bert_attack", "a good film", "no usable encoder 'bert-base-uncased'"),
        ("textfooler", " ", "an attack needs at least one text that is not empty"),
    ],
)
def test_what_an_attack_lacks_is_told_before_a_model_is_asked(
    recipe, text, message, monkeypatch, no_network, real_data
):
    monkeypatch.setenv("BERT_COMPRESSION_DATA", str(real_data))
    side = (fooled_easily(), load_tokenizer("builtin-bert"))
    data = pd.DataFrame({"text": [text] * 3, "label": ["a", "b", "a"]})
    with pytest.raises(BadInput, match=message):
        compare(side, side, data, attack=recipe, progress=lambda *_: pytest.fail("a model was asked"))


def test_a_comparison_holds_the_attack_and_refuses_what_cannot_be_attacked(tmp_path):
    frame, tokenizer = load("sst2", "validation").head(30), load_tokenizer("builtin-bert")
    sides = [(fooled_easily(seed), tokenizer) for seed in (0, 3)]
    options = {"attack": "textfooler", "examples": 3, "labels": {"data": ("a", "b")}}
    told = []
    found = compare(*sides, "builtin-sst2", **options, progress=lambda stage, *_: told.append(stage))
    assert found.measures["teacher_after_attack_accuracy"].n == 3
    assert {"attack on the teacher", "attack on the student"} < set(told)
    assert "Under attack" in (found.write(tmp_path) / "compare.html").read_text(encoding="utf-8")
    with pytest.raises(BadInput, match="saved answers cannot take part"):
        saved = open_classifier(sides[0]).ask(read_data(frame))
        compare(saved, sides[1], frame, **options)
    with pytest.raises(BadInput, match="an attack needs labels"):
        compare(*sides, frame.drop(columns="label"), **options)
