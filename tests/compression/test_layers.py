"""Students from some of their teacher's layers: which ones, in which order, and nothing of them shared."""

import re

import pytest
import torch

from bert_compression.compression import (
    keep_layers,
    load_model,
    prune_heads,
    quantize,
    save_model,
    spread_layers,
    truncate,
    uniform_layers,
)
from bert_compression.errors import BadInput


def test_the_student_has_the_teachers_bottom_layers_embeddings_and_head(tiny_bert):
    teacher = tiny_bert()
    student = truncate(teacher, 2)
    kept = {name: p for name, p in teacher.named_parameters() if ".layer.2." not in name}
    kept = {name: p for name, p in kept.items() if ".layer.3." not in name}
    ours = dict(student.named_parameters())
    assert ours.keys() == kept.keys()
    assert all(torch.equal(ours[name], kept[name]) for name in kept)
    assert student.config.num_hidden_layers == 2 and teacher.config.num_hidden_layers == 4


@pytest.mark.parametrize("layers", [1, 2, 3, 4])
def test_the_student_answers_from_the_teachers_middle(tiny_bert, tiny_texts, layers):
    """Second route: the teacher's own pooler and head on its hidden states after that many layers."""
    teacher, inputs = tiny_bert(), tiny_texts().batch(range(6))
    with torch.inference_mode():
        whole = teacher(**inputs, output_hidden_states=True)
        middle = whole.hidden_states[layers]
        expected = teacher.classifier(teacher.bert.pooler(middle))
        answer = truncate(teacher, layers)(**inputs).logits
    torch.testing.assert_close(answer, expected)
    assert torch.equal(answer, whole.logits) == (layers == 4)


def test_the_student_is_a_copy(tiny_bert, tiny_texts):
    teacher, inputs = tiny_bert(), tiny_texts().batch(range(6))
    student = truncate(teacher, 2)
    with torch.no_grad():
        for parameter in student.parameters():
            parameter.add_(1)
        assert torch.equal(teacher(**inputs).logits, tiny_bert()(**inputs).logits)
    assert len(teacher.bert.encoder.layer) == 4


@pytest.mark.parametrize("layers", [0, -1, 5])
def test_a_number_of_layers_that_is_not_there_is_refused(tiny_bert, layers):
    message = f"the model has 4 layers: keep between 1 and 4, not {layers}"
    with pytest.raises(BadInput, match=f"^{re.escape(message)}$"):
        truncate(tiny_bert(), layers)


@pytest.mark.parametrize("change", [lambda m: prune_heads(m, {0: [1]}), lambda m: quantize(m, "ema")])
def test_a_changed_model_is_refused(tiny_bert, change):
    message = "take layers out of a model before its heads are pruned or its weights are quantized"
    with pytest.raises(BadInput, match=f"^{re.escape(message)}$"):
        truncate(change(tiny_bert()), 2)


# Other layers than the bottom ones


def test_any_layers_are_kept_in_the_order_asked_for(tiny_bert, tiny_texts):
    """Second route: the teacher's own layers, called one after the other by hand."""
    teacher, inputs = tiny_bert(), tiny_texts([9] * 4).batch(range(4))
    answers = {}
    for order in ((0, 3), (3, 0), (2,)):
        with torch.inference_mode():
            state = teacher.bert.embeddings(inputs["input_ids"])
            for layer in order:
                state = teacher.bert.encoder.layer[layer](state)[0]
            expected = teacher.classifier(teacher.bert.pooler(state))
            answers[order] = keep_layers(teacher, order)(**inputs).logits
        torch.testing.assert_close(answers[order], expected)
    assert not torch.allclose(answers[0, 3], answers[3, 0], atol=1e-2)
    assert keep_layers(teacher, (0, 3)).config.num_hidden_layers == 2


def test_keeping_all_layers_in_their_order_keeps_the_answers_and_shares_nothing(tiny_bert, tiny_texts):
    teacher, inputs = tiny_bert(), tiny_texts().batch(range(6))
    student = keep_layers(teacher, range(4))
    with torch.inference_mode():
        assert torch.equal(student(**inputs).logits, teacher(**inputs).logits)
    ours = {p.data_ptr() for p in student.parameters()}
    assert ours.isdisjoint(p.data_ptr() for p in teacher.parameters())


def test_a_layer_that_is_named_twice_becomes_two(tiny_bert, tiny_texts, tmp_path):
    teacher, inputs = tiny_bert(), tiny_texts().batch(range(6))
    student = keep_layers(teacher, [0, 0, 3])
    save_model(student, tmp_path)
    with torch.no_grad():
        assert torch.equal(load_model(tmp_path)(**inputs).logits, student(**inputs).logits)
        before = student.bert.encoder.layer[1].output.dense.weight.clone()
        student.bert.encoder.layer[0].output.dense.weight.zero_()
    assert torch.equal(student.bert.encoder.layer[1].output.dense.weight, before)


@pytest.mark.parametrize(
    ("layers", "shown"), [([], "[]"), ([4], "[4]"), ([0, -1], "[0, -1]"), (range(3, 6), "[3, 4, 5]")]
)
def test_layers_that_are_not_there_are_refused(tiny_bert, layers, shown):
    message = f"the model has the layers 0 to 3, not all of {shown}"
    with pytest.raises(BadInput, match=f"^{re.escape(message)}$"):
        keep_layers(tiny_bert(), layers)


@pytest.mark.parametrize(
    ("student", "teacher", "layers"),
    [
        (6, 12, [0, 2, 4, 7, 9, 11]),  # as in DistilBERT's released code
        (3, 6, [0, 2, 5]),
        (4, 12, [0, 4, 7, 11]),
        (2, 12, [0, 11]),
        (1, 12, [0]),
        (6, 6, [0, 1, 2, 3, 4, 5]),
    ],
)
def test_spread_layers_reach_from_the_first_to_the_last(student, teacher, layers):
    assert spread_layers(student, teacher) == layers


@pytest.mark.parametrize(
    ("student", "teacher", "layers"),
    [
        (6, 12, [1, 3, 5, 7, 9, 11]),  # TinyBERT's g(m) = 2 m, from 0
        (4, 12, [2, 5, 8, 11]),
        (5, 12, [1, 4, 6, 9, 11]),  # 2.4, 4.8, 7.2, 9.6 and 12, counted from 1
        (8, 12, [1, 2, 4, 5, 7, 8, 10, 11]),  # of 1.5 the higher
        (1, 12, [11]),
        (6, 6, [0, 1, 2, 3, 4, 5]),
    ],
)
def test_each_layer_stands_for_the_last_of_its_share(student, teacher, layers):
    assert uniform_layers(student, teacher) == layers


def test_shares_rise_to_the_last_layer_and_name_none_twice():
    for teacher in range(1, 25):
        for student in range(1, teacher + 1):
            layers = uniform_layers(student, teacher)
            assert len(set(layers)) == student and layers == sorted(layers)
            assert layers[0] >= 0 and layers[-1] == teacher - 1


@pytest.mark.parametrize("student", [0, 7])
def test_a_student_without_layers_or_with_more_than_its_teacher_is_refused(student):
    message = f"6 layers of the teacher cannot be spread over {student} of the student"
    with pytest.raises(BadInput, match=f"^{re.escape(message)}$"):
        uniform_layers(student, 6)
