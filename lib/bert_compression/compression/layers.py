"""Fewer layers: a student that starts as some of its teacher's layers, and which layer stands for which.

A layer map says for each layer of a student which layer of its teacher belongs to it: a list with an entry
for each student layer, counted from 0. Book: methods/distillation, methods/pretraining_distillation.
"""

import copy
from collections.abc import Sequence

from torch import nn

from bert_compression.checks import checked, in_range
from bert_compression.errors import BadInput, shown

MOST_LAYERS = 1000


@checked
def encoder_layers(model: nn.Module) -> nn.ModuleList:
    """The stack of encoder layers of a BERT model of transformers. Raises BadInput for another model."""
    layers = getattr(getattr(getattr(model, "base_model", None), "encoder", None), "layer", None)
    if not isinstance(layers, nn.ModuleList):
        raise BadInput(f"{type(model).__name__} has no BERT encoder layers to work on")
    return layers


def self_attention(layer: nn.Module) -> nn.Module:
    """The attention of one of these layers, with its query, key and value. Raises BadInput for a layer that
    has other parts than BERT's, such as those of a DeBERTa."""
    attention = getattr(layer, "attention", None)
    inner = getattr(attention, "self", None)
    parts = [getattr(inner, name, None) for name in ("query", "key", "value")]
    if any(part is None for part in (*parts, getattr(getattr(attention, "output", None), "dense", None))):
        raise BadInput(f"{type(layer).__name__} is no layer of a BERT: its attention has other parts")
    return inner


@checked
def truncate(model: nn.Module, layers: int) -> nn.Module:
    """A copy of the model with its first (bottom) `layers` encoder layers; embeddings and head are kept.

    The initialisation of every student of Xu et al. 2021 that is distilled downstream (section 4.2: "the
    first (bottom) 6 layers" of the fine-tuned teacher). Raises BadInput for less than one layer or more than
    there are, and for a model whose layers have been changed: truncate first.
    """
    present = len(encoder_layers(model))
    if not 1 <= layers <= present:
        raise BadInput(f"the model has {present} layers: keep between 1 and {present}, not {layers}")
    return keep_layers(model, range(layers))


@checked
def keep_layers(model: nn.Module, layers: Sequence[int]) -> nn.Module:
    """A copy of the model with just these encoder layers, counted from 0, in this order.

    A layer that is named twice becomes two layers, each with weights of its own. Raises BadInput for no
    layer or one that is not there, and for a model whose layers have been changed.
    """
    layers, present = list(layers), len(encoder_layers(model))
    if not layers or any(not 0 <= layer < present for layer in layers):
        raise BadInput(f"the model has the layers 0 to {present - 1}, not all of {shown(layers)}")
    if getattr(model.config, "compression", []):
        raise BadInput("take layers out of a model before its heads are pruned or its weights are quantized")
    student = copy.deepcopy(model)
    kept = student.base_model.encoder.layer
    student.base_model.encoder.layer = nn.ModuleList(copy.deepcopy(kept[i]) for i in layers)
    student.config.num_hidden_layers = len(layers)
    return student


@checked
def spread_layers(student_layers: int, teacher_layers: int) -> list[int]:
    """Which of the teacher's layers start a student? Evenly spread from the first to the last, from 0.

    12 to 6 gives 0, 2, 4, 7, 9, 11, as DistilBERT's released code has it. A student with more layers than its
    teacher starts with some of them twice. Raises BadInput for less than one layer.
    """
    in_range(student_layers, "student_layers", 1, MOST_LAYERS)
    in_range(teacher_layers, "teacher_layers", 1, MOST_LAYERS)
    if student_layers == 1:
        return [0]
    return [round(i * (teacher_layers - 1) / (student_layers - 1)) for i in range(student_layers)]


@checked
def uniform_layers(student_layers: int, teacher_layers: int) -> list[int]:
    """Which of the teacher's layers do a student's layers stand for? Each for the last of its share.

    The uniform mapping of TinyBERT (Jiao et al. 2020, section 3.1), as a layer map from 0: layer m of M,
    counted from 1, belongs to the teacher's layer m N / M of N. Where that is no whole number, the nearest
    is taken, and of two the higher. The last layer always belongs to the last.

    Raises BadInput for a student without layers or with more than its teacher.

    >>> uniform_layers(6, 12), uniform_layers(5, 12)
    ([1, 3, 5, 7, 9, 11], [1, 4, 6, 9, 11])
    """
    if not 1 <= student_layers <= min(teacher_layers, MOST_LAYERS):
        raise BadInput(
            f"{teacher_layers} layers of the teacher cannot be spread over {student_layers} of the student"
        )
    shares = range(1, student_layers + 1)
    # Integers all the way: floor(m N / M + 1 / 2), layers from 0.
    return [(2 * m * teacher_layers + student_layers) // (2 * student_layers) - 1 for m in shares]


def checked_layer_map(layer_map: Sequence[int], student_layers: int, teacher_layers: int) -> list[int]:
    """The layer map as a list, if it fits two models of so many layers.

    Raises BadInput for a length other than `student_layers`, for a layer that the teacher does not have, and
    for one that is named twice.
    """
    layers = list(layer_map)
    if len(layers) != student_layers:
        raise BadInput(
            f"a layer map has an entry for each of the student's {student_layers} layers, not {len(layers)}"
        )
    if any(not 0 <= layer < teacher_layers for layer in layers):
        raise BadInput(f"the teacher has the layers 0 to {teacher_layers - 1}, not all of {shown(layers)}")
    if len(set(layers)) != len(layers):
        raise BadInput(f"a layer map names no layer of the teacher twice, as {shown(layers)} does")
    return layers
