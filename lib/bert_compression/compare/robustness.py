"""Does a student withstand an attacker as its teacher does? Do its teacher's adversarial texts fool it?"""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from bert_compression.attacks import (
    Resources,
    attack,
    get_recipe,
    load_masked_lm,
    load_resources,
    masked_lm_over,
)
from bert_compression.attacks.run import AttackResult
from bert_compression.compare.data import BUILTIN, Dataset, Text
from bert_compression.compare.measures import Measure, Measures, difference, estimate, exact, share
from bert_compression.compare.models import BATCH, Asked, Classifier
from bert_compression.devices import device_for
from bert_compression.errors import BadInput, expanded
from bert_compression.metrics import FOOLED, attack_summary, withstood
from bert_compression.models import BUILTIN as BUILTIN_BERT
from bert_compression.models import load_tokenizer
from bert_compression.tasks import Examples, Task
from bert_compression.tasks.sources import FOLDER_VARIABLE

GUESSER = "bert-base-uncased"  # which BERT-ATTACK asks for words, as its authors do


@dataclass(frozen=True)
class Robustness:
    """The attack's name and word resources, what it measured, and the texts that fooled the teacher with what
    the student answers: (text as it stood, text that fools, whether the student is fooled)."""

    attack: str
    resources: str
    measures: Measures
    transferred: tuple[tuple[str, str, bool], ...]


class Words(NamedTuple):
    """Where an attack finds words; where it asks a masked language model for them, that and its tokenizer."""

    resources: Resources
    guesser: Any = None
    tokenizer: Any = None


def words_for(name: str, data: Dataset) -> Words:
    """What an attack of that name needs, from the place where the data come from: the built-in English, the
    data folder in BERT_COMPRESSION_DATA, or else downloads. Raises BadInput where it cannot be had, and where
    no text holds a word."""
    if not any(_full(text) for text in data.texts):
        raise BadInput("an attack needs at least one text that is not empty")
    resources = word_resources(data)
    if not get_recipe(name).guesses:
        return Words(resources)
    if resources.name == "builtin":
        return Words(resources, masked_lm_over(BUILTIN_BERT), load_tokenizer(BUILTIN_BERT))
    return Words(resources, load_masked_lm(GUESSER), load_tokenizer(GUESSER))


def _full(text: Text) -> bool:
    return all(map(str.strip, text))


def attacked(
    name: str,
    words: Words,
    sides: dict[str, Classifier],
    order: Sequence[int] | None,
    data: Dataset,
    labels: Sequence[str],
    gold: np.ndarray,
    examples: int,
    progress: Callable[[str, int, int], None],
) -> Robustness:
    """Attack both models with the same texts; each success counts only where it holds with the text alone.

    `sides` holds "teacher" and "student", `order` rearranges the student's classes as the teacher's `labels`,
    `gold` are the labels of all texts.
    """
    full = [i for i, text in enumerate(data.texts) if _full(text)]
    chosen = Examples(tuple(data.texts[i] for i in full), tuple(int(gold[i]) for i in full)).at_most(examples)
    task = Task(
        data.name, data.columns, tuple(labels), (), {}, attacked=int(data.columns[0] == "premise")
    )  # TextFooler's code changes the hypothesis only
    results: dict[str, AttackResult] = {}
    asked = {}
    for side, classifier in sides.items():
        model = Asked(classifier.model.model, classifier.model.accepts, order if side == "student" else None)
        asked[side] = model.to(device_for(model)).eval()
        results[side] = attack(
            model,
            classifier.tokenizer,
            chosen,
            words.resources,
            task=task,
            max_length=classifier.max_length,
            one_at_a_time=classifier.batch_dependent,
            recipe=get_recipe(name).build({}, words.guesser, words.tokenizer),
            progress=partial(progress, f"attack on the {side}"),
        )
        model.to("cpu")
    transfer, shown = _transfer(sides["student"], asked["student"], chosen, results["teacher"], task)
    return Robustness(name, words.resources.name, {**_measures(results, chosen), **transfer}, shown)


def _measures(results: dict[str, AttackResult], chosen: Examples) -> Measures:
    held = {side: withstood(result.outcomes) for side, result in results.items()}
    found: Measures = {}
    for side, result in results.items():
        told = attack_summary(result.outcomes, chosen.labels, result.queries)
        found[f"{side}_after_attack_accuracy"] = share(held[side])
        found[f"{side}_clean_accuracy_of_attacked"] = share(np.array(result.outcomes) != 0)
        found[f"{side}_attack_queries"] = estimate(told["queries_mean"], len(chosen))
        found[f"{side}_successes_lost_alone"] = exact(result.lost_alone, len(chosen))
    found["after_attack_accuracy_difference"] = difference(
        held["student"].mean() - held["teacher"].mean(), held["student"], held["teacher"]
    )
    return found


def _transfer(
    student: Classifier, model: Asked, chosen: Examples, of_teacher: AttackResult, task: Task
) -> tuple[Measures, tuple[tuple[str, str, bool], ...]]:
    """Of the texts that fooled the teacher and that the student has right as they stand: which fool it?"""
    column = task.attacked
    rows = [i for i, outcome in enumerate(of_teacher.outcomes) if outcome == FOOLED]
    before = [chosen.texts[i] for i in rows]
    after = [(*chosen.texts[i][:column], of_teacher.texts[i], *chosen.texts[i][column + 1 :]) for i in rows]
    gold = np.array([chosen.labels[i] for i in rows])
    if not rows:
        return {}, ()
    size = 1 if student.batch_dependent else BATCH
    asked = Classifier(**{**vars(student), "model": model})
    right, still = (
        asked.values(asked.encoded(texts), size).argmax(axis=1) == gold for texts in (before, after)
    )
    shown = tuple(
        (text[column], changed[column], not answer)
        for text, changed, answer in zip(before, after, still, strict=True)
    )
    found: dict[str, Measure] = {"teacher_adversarial_texts": exact(len(rows), len(chosen))}
    if right.any():
        found["transfer_rate"] = share(~still[right])
    return found, shown


def word_resources(data: Dataset) -> Resources:
    """The words of the place where the data come from. Raises BadInput where they cannot be had."""
    if data.name.startswith(BUILTIN):
        return load_resources("builtin")
    named = os.environ.get(FOLDER_VARIABLE)
    if named and (expanded(named) / "sets" / "counterfitted").is_dir():
        return load_resources("folder", expanded(named))
    return load_resources("genuine")
