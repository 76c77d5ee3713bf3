"""Distillation by what a teacher computes on the way: its hidden states and attention scores.

Task-agnostic, on text without labels: TinyBERT's general distillation follows attention scores and hidden
states of every layer; DistilBERT's follows the last hidden states and guesses masked words; MiniLM's follows
how queries, keys and values of the last layer relate. Task-specific: extreme compression follows states and
logits of a fine-tuned teacher, at once or in stages. Sources: Jiao et al. 2020, TinyBERT, section 3.1; Sanh
et al. 2019, DistilBERT, section 3; Wang et al. 2021, MiniLMv2, section 3; Wu et al. 2022, appendix B.1; their
released code where named. Book: methods/pretraining_distillation, methods/stages.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn.functional import cosine_similarity, cross_entropy, gelu, kl_div, log_softmax, mse_loss

from bert_compression.checks import checked, in_range
from bert_compression.compression.distillation import (
    check_same_labels,
    held,
    kl_loss,
    model_inputs,
    ready_teacher,
)
from bert_compression.compression.layers import (
    checked_layer_map,
    encoder_layers,
    self_attention,
    uniform_layers,
)
from bert_compression.errors import BadInput, shown

# BERT's rule for masked words (Devlin et al. 2019, section 3.1): of 15 % of the tokens, 80 % become [MASK],
# 10 % another word, 10 % stay.
MOST_WORDS = 2**31
CHOSEN, MASKED, EXCHANGED = 0.15, 0.8, 0.1


@dataclass(frozen=True)
class LayerStates:
    """What a model computes on the way: `hidden` holds (batch, tokens, size) after the embeddings and after
    each layer, `scores` (batch, heads, tokens, tokens) attention scores before the softmax, and `logits`
    (batch, classes) where its head was asked, too. Raises BadInput for other shapes, and for another number
    of hidden states than one more than there are scores."""

    hidden: tuple[torch.Tensor, ...]
    scores: tuple[torch.Tensor, ...]
    logits: torch.Tensor | None = None

    def __post_init__(self):
        if len(self.hidden) != len(self.scores) + 1:
            raise BadInput(
                f"the scores of {len(self.scores)} layers go with {len(self.scores) + 1} hidden states, one "
                f"of the embeddings among them, and there are {len(self.hidden)}"
            )
        shape = tuple(self.hidden[0].shape)
        if len(shape) != 3 or any(tuple(each.shape) != shape for each in self.hidden):
            found = [tuple(each.shape) for each in self.hidden]
            raise BadInput(f"hidden states have one shape (batch, tokens, size), not {shown(found)}")
        batch, tokens = shape[:2]
        for each in self.scores:
            if each.ndim != 4 or (each.shape[0], *each.shape[2:]) != (batch, tokens, tokens):
                raise BadInput(
                    f"the attention scores of {batch} texts of {tokens} tokens have the shape ({batch}, "
                    f"heads, {tokens}, {tokens}), not {tuple(each.shape)}"
                )


@checked
def layer_states(model: nn.Module, inputs: dict[str, torch.Tensor], with_head: bool = False) -> LayerStates:
    """Run a BERT model, `with_head` its head as well, and see its states. Works under any attention
    implementation: the scores are computed here from the queries and keys. Raises BadInput for another
    model."""
    seen: dict[str, list[torch.Tensor]] = {"query": [], "key": []}
    hooks = [
        getattr(self_attention(layer), name).register_forward_hook(
            lambda module, args, output, name=name: seen[name].append(output)
        )
        for layer in encoder_layers(model)
        for name in seen
    ]
    try:
        run = model if with_head else model.base_model
        outputs = run(**model_inputs(model, inputs), output_hidden_states=True)
    finally:
        for hook in hooks:
            hook.remove()
    scores = []
    for layer, query, key in zip(encoder_layers(model), seen["query"], seen["key"], strict=True):
        heads = layer.attention.self.num_attention_heads
        query, key = (x.unflatten(-1, (heads, -1)).transpose(1, 2) for x in (query, key))
        scores.append(query @ key.transpose(-1, -2) / math.sqrt(query.shape[-1]))
    return LayerStates(tuple(outputs.hidden_states), tuple(scores), outputs.logits if with_head else None)


@checked
def layerwise_loss(
    student: LayerStates,
    teacher: LayerStates,
    mask: torch.Tensor,
    layer_map: Sequence[int] | None = None,
    embeddings: int = 0,
) -> torch.Tensor:
    """How far are the student's layers from those of its teacher that they stand for? The mean squared
    differences of hidden states and of attention scores, each added up over the layers.

    Embeddings stand for embeddings, or for the teacher's hidden states of the number `embeddings`; and the
    student's layers for those of `layer_map`: the teacher's layer for each of the student's, counted from 0
    as in `keep_layers`. By default that is `uniform_layers` (TinyBERT, equations 7 and 8, and its uniform
    mapping g(m)). `mask` is the attention mask, (batch, tokens), 1 for a token and 0 for padding, which
    counts for nothing, where the released code counts it as agreement. The teacher gets no gradient; zero
    where both agree.

    Raises BadInput for models of other width or numbers of heads, a student with more layers than its
    teacher, a layer map of another length, with a layer that is not there or with one named twice, and for a
    mask of another shape, with other numbers or without a token.
    """
    ours, theirs = len(student.scores), len(teacher.scores)
    layers = uniform_layers(ours, theirs) if layer_map is None else checked_layer_map(layer_map, ours, theirs)
    if not 0 <= embeddings <= theirs:
        raise BadInput(f"the teacher has the hidden states 0 to {theirs}, not {embeddings}")
    states = [teacher.hidden[embeddings], *(teacher.hidden[layer + 1] for layer in layers)]
    pairs = list(zip(student.hidden, states, strict=True))
    score_pairs = list(zip(student.scores, (teacher.scores[layer] for layer in layers), strict=True))
    for one, other in (*pairs, *score_pairs):
        if one.shape != other.shape:
            raise BadInput(
                "layer-by-layer distillation needs models of the same width and number of heads, not states "
                f"of the shapes {tuple(one.shape)} and {tuple(other.shape)}"
            )
    _check_mask(mask, student.hidden[0].shape[:2])
    tokens = mask.unsqueeze(-1)  # (batch, tokens, 1)
    both = (tokens * mask.unsqueeze(1)).unsqueeze(1)  # (batch, 1, tokens, tokens)
    hidden = sum(_masked_mse(one, other, tokens) for one, other in pairs)
    return hidden + sum(_masked_mse(one, other, both) for one, other in score_pairs)


def _check_mask(mask: torch.Tensor, shape: Sequence[int]) -> None:
    """Raises BadInput for another mask than one that leaves tokens to compare: of none the mean is NaN."""
    if tuple(mask.shape) != tuple(shape):
        raise BadInput(f"mask must have the shape {tuple(shape)}, not {tuple(mask.shape)}")
    # One question, since each answer of a GPU is a pause.
    if not (((mask == 0) | (mask == 1)).all() & (mask == 1).any()):
        raise BadInput("mask must hold 1 for each token and 0 for padding, and one token at least")


def _masked_mse(ours: torch.Tensor, theirs: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    squares = (ours.float() - theirs.detach().float()).square() * mask
    return squares.sum() / mask.expand_as(squares).sum()


@checked
@dataclass(frozen=True)
class GeneralDistillation:
    """TinyBERT's task-agnostic objective: layerwise_loss to a teacher that was never fine-tuned."""

    teacher: nn.Module
    layer_map: Sequence[int] | None = None

    @property
    def needs(self) -> tuple[str, ...]:
        return ()

    def __call__(self, student: nn.Module, batch: dict[str, torch.Tensor]) -> torch.Tensor:
        teacher = ready_teacher(self.teacher, student, batch)
        ours = layer_states(student, batch)
        with torch.no_grad():
            theirs = layer_states(teacher, batch)
        return layerwise_loss(ours, theirs, batch["attention_mask"], self.layer_map)


@checked
@dataclass(frozen=True)
class RelationDistillation:
    """MiniLMv2's task-agnostic objective: how the tokens' queries relate to each other in the last layer, and
    likewise their keys and values, is learnt from a layer of the teacher.

    A relation is the softmax over tokens of x x^T / sqrt(size of a head), with all heads' numbers split into
    `relation_heads`; the loss is the mean divergence of the student's three from the teacher's (Wang et al.
    2021, equations 5 to 7). `layer` is the teacher's, counted from 0, by default the last, as for BERT-base.
    Student and teacher may have different widths.
    """

    teacher: nn.Module
    relation_heads: int
    layer: int = -1

    def __post_init__(self):
        in_range(self.relation_heads, "relation_heads", 1)

    @property
    def needs(self) -> tuple[str, ...]:
        return ()

    def __call__(self, student: nn.Module, batch: dict[str, torch.Tensor]) -> torch.Tensor:
        teacher = ready_teacher(self.teacher, student, batch)
        ours = self._relations(student, -1, batch)
        with torch.no_grad():
            theirs = self._relations(teacher, self.layer, batch)
        _check_mask(batch["attention_mask"], batch["input_ids"].shape)
        real = batch["attention_mask"].unsqueeze(1).expand(ours[0].shape[:-1]).bool()
        divergences = [
            kl_div(one[real], other[real], reduction="batchmean", log_target=True)
            for one, other in zip(ours, theirs, strict=True)
        ]
        return sum(divergences[1:], divergences[0]) / len(divergences)

    def _relations(self, model: nn.Module, layer: int, batch: dict) -> list[torch.Tensor]:
        """Log-relations of queries, keys and values, each (batch, relation heads, tokens, tokens)."""
        seen: list[torch.Tensor] = []
        layers = encoder_layers(model)
        if not -len(layers) <= layer < len(layers):
            raise BadInput(f"the teacher has the layers 0 to {len(layers) - 1}, not {layer}")
        attention = self_attention(layers[layer])
        if attention.query.out_features % self.relation_heads:
            raise BadInput(
                f"{attention.query.out_features} numbers of all heads cannot be split into "
                f"{self.relation_heads} relation heads"
            )
        hooks = [
            getattr(attention, name).register_forward_hook(lambda module, args, output: seen.append(output))
            for name in ("query", "key", "value")
        ]
        try:
            model.base_model(**model_inputs(model, batch))
        finally:
            for hook in hooks:
                hook.remove()
        padding = batch["attention_mask"][:, None, None, :] == 0
        relations = []
        for each in seen:
            heads = each.float().unflatten(-1, (self.relation_heads, -1)).transpose(1, 2)
            related = heads @ heads.transpose(-1, -2) / math.sqrt(heads.shape[-1])
            relations.append(log_softmax(related.masked_fill(padding, -1e4), dim=-1))
        return relations


@checked
@dataclass(frozen=True)
class StatesAndLogits:
    """Extreme compression's objective of task-specific distillation, as one stage of it has it: with `states`
    layerwise_loss to a fine-tuned teacher, with `logits` the divergence of the student's distribution from
    the teacher's, both with the weight 1 and at temperature 1 (Wu et al. 2022, appendix B.1).

    As in the released code of TernaryBERT and DeepSpeed, the divergence is a mean over texts and classes;
    theirs is a cross-entropy, which differs by what the student cannot change. A regression target, one
    logit, is followed by its mean squared difference. Padding counts for nothing, which in their code counts
    as agreement. The teacher is in evaluation mode and gets no gradient.
    """

    teacher: nn.Module
    states: bool = True
    logits: bool = True
    layer_map: Sequence[int] | None = None
    embeddings: int = 0

    def __post_init__(self):
        if not (self.states or self.logits):
            raise BadInput("a stage follows the teacher's states, its logits, or both, not neither")
        in_range(self.embeddings, "embeddings", 0)

    @property
    def needs(self) -> tuple[str, ...]:
        return ()

    def __call__(self, student: nn.Module, batch: dict[str, torch.Tensor]) -> torch.Tensor:
        if self.logits:
            check_same_labels(self.teacher, student)
        teacher = ready_teacher(self.teacher, student, batch)
        if not self.states:
            with torch.no_grad():
                goal = teacher(**model_inputs(teacher, batch)).logits
            return self._of_logits(student(**model_inputs(student, batch)).logits, goal)
        ours = layer_states(student, batch, with_head=self.logits)
        with torch.no_grad():
            theirs = layer_states(teacher, batch, with_head=self.logits)
        loss = layerwise_loss(ours, theirs, batch["attention_mask"], self.layer_map, self.embeddings)
        return loss + self._of_logits(ours.logits, theirs.logits) if self.logits else loss

    def _of_logits(self, ours: torch.Tensor, theirs: torch.Tensor) -> torch.Tensor:
        if ours.shape[1] == theirs.shape[1] == 1:
            return mse_loss(ours.float(), theirs.float())
        return kl_loss(ours, theirs, reduction="mean")


@checked
class MaskedWordStudent(nn.Module):
    """A BERT classifier in pretraining: its encoder, under a head that guesses masked words.

    The head is BERT's own: a dense layer, GELU, LayerNorm, and the word embeddings to compare with. It is
    thrown away afterwards; `model` is what remains.
    """

    def __init__(self, model: nn.Module):
        super().__init__()
        self.model = model
        words, size = _word_embeddings(model).shape
        self.dense, self.norm = nn.Linear(size, size), nn.LayerNorm(size)
        self.bias = nn.Parameter(torch.zeros(words))
        nn.init.eye_(self.dense.weight)  # to begin with, a state is compared as it is
        nn.init.zeros_(self.dense.bias)

    @property
    def config(self) -> object:
        """That of the model, whose texts it reads."""
        return self.model.config

    def word_scores(self, states: torch.Tensor) -> torch.Tensor:
        """Scores of all words for hidden states (n, size): (n, words)."""
        return self.norm(gelu(self.dense(states))) @ _word_embeddings(self.model).T + self.bias


def _word_embeddings(model: nn.Module) -> torch.Tensor:
    """The table of word embeddings, (words, size). Raises BadInput for what has none of the states' size."""
    embeddings = getattr(getattr(model, "base_model", None), "embeddings", None)
    table = getattr(getattr(embeddings, "word_embeddings", None), "weight", None)
    if table is None or table.shape[1] != getattr(getattr(model, "config", None), "hidden_size", None):
        raise BadInput(f"{type(model).__name__} has no word embeddings to compare its hidden states with")
    return table


@checked
@dataclass(frozen=True)
class MaskedDistillation:
    """DistilBERT's objective where the teacher has no masked-word head: 2 * masked-word cross-entropy
    + 1 * (1 - cosine) of the last hidden states, both on the masked text.

    The weights are those of the released code, whose third term, 5 * the divergence from the teacher's
    guesses, needs a teacher that guesses words. `mask_id` is [MASK]; `special_ids` are never masked.
    """

    teacher: nn.Module
    mask_id: int
    special_ids: Sequence[int]
    word_weight: float = 2.0
    cosine_weight: float = 1.0

    def __post_init__(self):
        for name in ("mask_id", "word_weight", "cosine_weight"):
            in_range(getattr(self, name), name, 0)

    @property
    def needs(self) -> tuple[str, ...]:
        return ()

    def __call__(self, student: MaskedWordStudent, batch: dict[str, torch.Tensor]) -> torch.Tensor:
        words = held(batch, "input_ids")
        teacher = ready_teacher(self.teacher, student.model, batch)
        special = torch.tensor(list(self.special_ids), device=words.device)
        vocabulary = student.bias.shape[0]
        masked, chosen = mask_words(words, held(batch, "attention_mask"), self.mask_id, special, vocabulary)
        batch = {**batch, "input_ids": masked}
        ours = student.model.base_model(**model_inputs(student.model, batch)).last_hidden_state
        with torch.no_grad():
            theirs = teacher.base_model(**model_inputs(teacher, batch)).last_hidden_state
        if ours.shape != theirs.shape:
            raise BadInput(
                f"the last hidden states of teacher and student have {theirs.shape[-1]} and "
                f"{ours.shape[-1]} numbers: this objective needs equally wide models"
            )
        real = batch["attention_mask"].bool()
        loss = self.cosine_weight * (1 - cosine_similarity(ours[real].float(), theirs[real].float())).mean()
        if chosen.any():
            guesses = student.word_scores(ours[chosen]).float()
            loss = loss + self.word_weight * cross_entropy(guesses, words[chosen])
        return loss


@checked
def mask_words(
    words: torch.Tensor, attention_mask: torch.Tensor, mask_id: int, special: torch.Tensor, vocabulary: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """BERT's masking: the changed token ids and which were chosen, both (batch, tokens).

    Draws on the processor from torch's generator, so that a seed gives the same words on every device. Raises
    BadInput for a mask of another shape, with other numbers than 0 and 1 or without a token, and for a
    `mask_id` outside the vocabulary.
    """
    if attention_mask.shape != words.shape:
        raise BadInput(
            f"words and attention_mask must have one shape (batch, tokens), not {tuple(words.shape)} and "
            f"{tuple(attention_mask.shape)}"
        )
    _check_mask(attention_mask, words.shape)
    in_range(vocabulary, "vocabulary", 1, MOST_WORDS)
    in_range(mask_id, "mask_id", 0, vocabulary - 1)
    draw, kind = torch.rand(words.shape).to(words.device), torch.rand(words.shape).to(words.device)
    others = torch.randint(vocabulary, words.shape).to(words.device)
    chosen = (draw < CHOSEN) & attention_mask.bool() & ~torch.isin(words, special)
    masked = words.masked_fill(chosen & (kind < MASKED), mask_id)
    exchanged = chosen & (kind >= MASKED) & (kind < MASKED + EXCHANGED)
    return torch.where(exchanged, others, masked), chosen
