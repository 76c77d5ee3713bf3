"""BERT-ATTACK or TextBugger against a model: how much of its accuracy do they take?"""

import numpy as np

from bert_compression.attacks.bert_attack import BertAttack
from bert_compression.attacks.masked_lm import load_masked_lm
from bert_compression.attacks.run import Recipe
from bert_compression.attacks.textbugger import TextBugger
from bert_compression.devices import best_device
from bert_compression.experiments.kinds.attacking import attack_input_model
from bert_compression.experiments.kinds.base import Outcome, Work, digits
from bert_compression.metrics.attack_queries import queries_per_success
from bert_compression.metrics.degradation import degradation
from bert_compression.metrics.robustness import WITHSTOOD, attack_summary
from bert_compression.metrics.significance import bootstrap_interval
from bert_compression.models import load_tokenizer

# A review, about: one a word to rank it, and what its offers take.
QUERIES = {"bert_attack": 250, "textbugger": 500}


def run(work: Work) -> Outcome:
    """The input "model" is attacked; "language_model" guesses words for BERT-ATTACK."""
    result = attack_input_model(work, _recipe(work))
    outcomes = result.outcomes
    low, high = bootstrap_interval(np.array(outcomes) == WITHSTOOD)
    metrics = {
        **attack_summary(outcomes, work.examples.labels, result.queries),
        "after_attack_accuracy_low": low,
        "after_attack_accuracy_high": high,
        **degradation(outcomes),
        "queries_per_success": queries_per_success(outcomes, result.queries),
        "successes_lost_alone": result.lost_alone,
        "words_changed_mean": result.words_changed_mean,
    }
    return Outcome(metrics, {"outcomes": digits(outcomes), "queries": list(result.queries)})


def _recipe(work: Work) -> Recipe:
    settings = work.params["settings"]
    if work.params["recipe"] == "textbugger":
        return TextBugger(**settings)
    guesser = load_masked_lm(work.inputs["language_model"]).to(best_device())
    return BertAttack(guesser, load_tokenizer(work.params["encoder"]), **settings)


def passes(params: dict, rows: int) -> int:
    return QUERIES[params["recipe"]] * rows
