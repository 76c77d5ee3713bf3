"""Kinds that attack a model, and that put adversarial texts to another one."""

import json
from collections.abc import Sequence

import numpy as np

from bert_compression.attacks import (
    attack as attack_model,
)
from bert_compression.attacks import (
    get_recipe,
    load_masked_lm,
    load_resources,
)
from bert_compression.compression import quantization_mode
from bert_compression.devices import best_device
from bert_compression.errors import Failure
from bert_compression.experiments.kinds.work import Outcome, Work, kind
from bert_compression.inference import predict_logits
from bert_compression.metrics import (
    attack_summary,
    bootstrap_interval,
    degradation,
    queries_per_success,
    withstood,
)
from bert_compression.models import load_tokenizer
from bert_compression.tasks import encode

ADVERSARIAL = "adversarial.json"  # a text an example, "" where none fooled the model


def _queries(params: dict, rows: int) -> float:
    return get_recipe(params["recipe"]).queries * rows


@kind(version=1, passes=_queries)
def attack(work: Work) -> Outcome:
    """An attack on a model by one of `attacks.RECIPES`; every success is confirmed with the text alone. The
    texts that fooled the model are kept as an artifact. Input "language_model" guesses words, where a recipe
    asks one. The protocol "released" is that of TextFooler's released code: the search asks about batches of
    up to 32 texts, the verdict about its last text alone, whether it found anything or not; what was found is
    kept, too. `padded` fills texts up to the full length."""
    model, params = work.model(), work.params
    if quantization_mode(model) != "int8":  # whose kernels are the processor's
        model.to(best_device())
    released = params.get("protocol") == "released"
    tokenizer, recipe = load_tokenizer(params["encoder"]), get_recipe(params["recipe"])
    guesser = None
    if "language_model" in work.inputs:
        guesser = load_masked_lm(work.inputs["language_model"]).to(best_device())
    result = attack_model(
        model,
        tokenizer,
        work.examples,
        load_resources(params["resources"], work.data_folder),
        task=work.task,
        max_length=params["max_length"],
        seed=params["seed"],
        one_at_a_time=work.one_at_a_time(model) and not released,
        padded=params.get("padded", False),
        judge_failures=released,
        progress=work.progress,
        recipe=recipe.build(params["settings"], guesser, tokenizer),
    )
    (work.folder / ADVERSARIAL).write_text(json.dumps(result.texts), encoding="utf-8")
    outcomes = np.array(result.outcomes)
    low, high = bootstrap_interval(withstood(outcomes))
    metrics = {
        **attack_summary(outcomes, work.examples.labels, result.queries),
        "after_attack_accuracy_low": low,
        "after_attack_accuracy_high": high,
        **degradation(outcomes),
        "queries_per_success": queries_per_success(outcomes, result.queries),
        "successes": result.outcomes.count(2),
        "successes_lost_alone": result.lost_alone,
        "words_changed_mean": result.words_changed_mean,
    }
    kept: dict[str, np.ndarray | list] = {"outcomes": outcomes, "queries": list(result.queries)}
    if released:
        as_found = np.array(result.as_found)
        low, high = bootstrap_interval(withstood(as_found))
        metrics["as_found_accuracy"] = float(withstood(as_found).mean())
        metrics |= {"as_found_accuracy_low": low, "as_found_accuracy_high": high}
        metrics["successes_won_alone"] = result.won_alone
        kept["as_found"] = as_found
    return Outcome(metrics, kept)


@kind(version=1, passes=lambda params, rows: 2 * rows)
def transfer(work: Work) -> Outcome:
    """Do the adversarial texts that one model was fooled by, the source, fool another one, the target?

    Of these texts only those count that the target answers correctly as they stood: a text that is wrong
    from the start is not transferred.
    """
    texts = json.loads((work.inputs["attack"] / ADVERSARIAL).read_text(encoding="utf-8"))
    fooled = np.array([bool(text) for text in texts])
    if not fooled.any():
        raise Failure("the attack fooled its model with no text: there is nothing to transfer")
    column = work.task.attacked
    changed = [
        (*row[:column], text, *row[column + 1 :]) if text else row
        for row, text in zip(work.examples.texts, texts, strict=True)
    ]
    gold = np.array(work.examples.labels)
    before, after = (_labels(work, rows) == gold for rows in (work.examples.texts, changed))
    judged = fooled & before
    carried = ~after[judged]
    low, high = bootstrap_interval(carried) if judged.any() else (0.0, 0.0)
    metrics = {
        "adversarial_texts": int(fooled.sum()),
        "texts_judged": int(judged.sum()),
        "transfer_rate": float(carried.mean()) if judged.any() else 0.0,
        "transfer_rate_low": low,
        "transfer_rate_high": high,
        # What one would take for robustness by attacking one model and judging another.
        "accuracy_on_transferred_texts": float(after.mean()),
    }
    return Outcome(metrics, {"right_on_original": before, "right_on_transferred": after})


def _labels(work: Work, texts: Sequence[tuple[str, ...]]) -> np.ndarray:
    model = work.model()
    encoded = encode(texts, load_tokenizer(work.params["encoder"]), work.params["max_length"])
    return predict_logits(model, encoded, work.batch_size(model), work.progress).argmax(axis=1)
