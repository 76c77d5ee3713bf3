"""The masked language model that BERT-ATTACK asks: from the hub, or a head trained over an encoder."""

from bert_compression.attacks.masked_lm import (
    MaskedWords,
    load_masked_lm,
    masked_lm_over,
    save_masked_lm,
)
from bert_compression.experiments.kinds.base import Outcome, Work
from bert_compression.experiments.kinds.training import train_as_told
from bert_compression.models import load_tokenizer


def run(work: Work) -> Outcome:
    """The examples serve as text; their labels are not looked at. Without examples the encoder comes from the
    hub with its own head."""
    encoder, metrics = work.params["encoder"], {}
    if work.examples is None:
        model = load_masked_lm(encoder)
    else:
        model, tokens = masked_lm_over(encoder, work.params["tuned_layers"]), load_tokenizer(encoder)
        objective = MaskedWords(tokens.mask_token_id, tuple(tokens.all_special_ids))
        metrics = train_as_told(work, model, objective)  # type: ignore[arg-type]
    save_masked_lm(model, work.folder)
    return Outcome(metrics)


def passes(params: dict, rows: int) -> int:
    return 2 * params.get("epochs", 0) * rows  # backwards only through the upper layers
