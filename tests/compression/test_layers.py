"""Truncation keeps the bottom layers, and nothing of it is shared with the teacher."""

import re

import pytest
import torch

from bert_compression.compression import prune_heads, quantize, truncate
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
    message = "truncate a model before its heads are pruned or its weights are quantized"
    with pytest.raises(BadInput, match=f"^{re.escape(message)}$"):
        truncate(change(tiny_bert()), 2)
