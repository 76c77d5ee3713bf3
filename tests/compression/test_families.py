"""Models that are no BERT: each function works, or refuses them in one line before anything is changed."""

import pytest
import torch
import transformers

from bert_compression import compression, inference, models
from bert_compression.errors import BadInput
from bert_compression.tasks import Encoded
from bert_compression.training import CrossEntropy, TrainingSettings, train

SMALL = {
    "vocab_size": 99, "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2,
    "intermediate_size": 64, "initializer_range": 0.2,
}  # fmt: skip
FAMILIES = {
    "Bert": SMALL,
    "Roberta": {**SMALL, "type_vocab_size": 1},
    "Electra": {**SMALL, "embedding_size": 32},
    "DistilBert": {"vocab_size": 99, "dim": 32, "n_layers": 2, "n_heads": 2, "hidden_dim": 64},
    "Albert": {**SMALL, "embedding_size": 32},
    "DebertaV2": {**SMALL, "type_vocab_size": 0},
    "GPT2": {"vocab_size": 99, "n_embd": 32, "n_layer": 2, "n_head": 2, "pad_token_id": 0},
}
LIKE_BERT = {"Bert", "Roberta", "Electra"}
IN_LAYERS = LIKE_BERT | {"DebertaV2"}
PAIRS = Encoded([[7, 5, 2, 6, 3], [8, 4, 2, 9, 3]], [[0, 0, 0, 1, 1]] * 2, truncated=0, pad_id=0)


def make(family: str):
    torch.manual_seed(0)
    config = getattr(transformers, f"{family}Config")(**FAMILIES[family])
    return getattr(transformers, f"{family}ForSequenceClassification")(config).eval()


def labelled(model) -> dict:
    return {**PAIRS.batch([0, 1]), "labels": torch.tensor([0, 1])}


def trained(model, objective, **extras):
    return train(model, PAIRS, [0, 1], objective, TrainingSettings(1, 2, 1e-3), extras or None)


# What is asked of a model, and the families that it is for; None for any.
METHODS = {
    "predict": (lambda model: inference.predict_logits(model, PAIRS), None),
    "cls vectors": (lambda model: inference.cls_vectors(model, PAIRS), None),
    "train": (lambda model: trained(model, CrossEntropy()), None),
    "distillation": (
        lambda model: trained(model, compression.Distillation(), teacher_logits=torch.eye(2)),
        None,
    ),
    "int8": (lambda model: compression.quantize(model, "int8"), None),
    "all parts": (lambda model: compression.quantize(model, "dynamic", parts="all"), None),
    "q8bert": (lambda model: compression.quantize(model, "dynamic"), LIKE_BERT),
    "encoder": (lambda model: compression.quantize(model, "dynamic", parts="encoder"), LIKE_BERT),
    "truncate": (lambda model: compression.truncate(model, 1), IN_LAYERS),
    "keep layers": (lambda model: compression.keep_layers(model, [1]), IN_LAYERS),
    "theseus": (
        lambda model: trained(
            compression.replace_modules(model, 1), compression.Replacing(CrossEntropy(), k=0.0, b=1.0)
        ),
        LIKE_BERT,
    ),
    "theseus of a plain model": (
        lambda model: trained(model, compression.Replacing(CrossEntropy(), k=0.0, b=1.0)),
        set(),
    ),
    "successor": (compression.successor, set()),
    "prune heads": (lambda model: compression.prune_heads(model, {0: [1]}), LIKE_BERT),
    "head importance": (lambda model: compression.head_importance(model, [labelled(model)]), LIKE_BERT),
    "layer states": (lambda model: compression.layer_states(model, labelled(model)), LIKE_BERT),
    "general": (lambda model: trained(model, compression.GeneralDistillation(make("Bert"))), LIKE_BERT),
    "relations": (
        lambda model: trained(model, compression.RelationDistillation(make("Bert"), relation_heads=4)),
        LIKE_BERT,
    ),
    "masked words": (compression.MaskedWordStudent, set(FAMILIES) - {"GPT2"}),
    "patience": (
        lambda model: trained(
            model, compression.PatientDistillation(make("Bert")), teacher_logits=torch.eye(2)
        ),
        None,
    ),
    "new head": (lambda model: models.renew_head(model, 0), {"Bert", "DistilBert", "Albert", "DebertaV2"}),
    "span head": (lambda model: models.as_qa_model(model, 0), {"Bert"}),
    "parts of the file": (lambda model: compression.stored_parts(model.config), {"Bert"}),
}


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("family", FAMILIES)
def test_every_method_works_or_refuses_the_family_in_one_line(family, method):
    call, families = METHODS[method]
    model = make(family)
    before = make(family).state_dict()
    if families is None or family in families:
        call(model)
        return
    with pytest.raises(BadInput, match=r"^[^\n]{20,300}$"):
        call(model)
    after = model.state_dict()
    assert before.keys() == after.keys() and all(torch.equal(before[name], after[name]) for name in before)
