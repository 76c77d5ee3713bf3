"""Attack every text of a task on one model; what counts is the verdict on the text alone."""

import random
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import torch

from bert_compression.attacks.environment import SEPARATOR, import_textattack
from bert_compression.attacks.resources import Resources
from bert_compression.attacks.textfooler import textfooler
from bert_compression.attacks.victim import Victim
from bert_compression.checks import checked, has, in_range
from bert_compression.compression.distillation import label_names
from bert_compression.errors import BadInput
from bert_compression.metrics import ALREADY_WRONG, FOOLED, WITHSTOOD

if TYPE_CHECKING:
    from textattack import Attack
    from textattack.models.wrappers import ModelWrapper
    from transformers import PreTrainedTokenizerBase

    from bert_compression.tasks.catalogue import Task
    from bert_compression.tasks.examples import Examples

# (victim, resources, the task's columns, the index of the only one that may change) -> the attack
Recipe = Callable[["ModelWrapper", Resources, Sequence[str], int], "Attack"]


@dataclass(frozen=True)
class AttackResult:
    """What became of each text, in the order of the examples.

    `outcomes`: 0 already wrong, 1 withstood, 2 fooled. `queries`: how often the attacker asked the model.
    `texts`: the attacked column after the attack, "" unless fooled. `words_changed`: words exchanged, 0
    unless fooled. `as_found`: outcomes as the search found them, in whose batches a batch-dependent model may
    answer otherwise than alone. Where a success does not hold alone, the text counts as having withstood; and
    where failures were judged, too, a text that fools the model alone counts as having fooled it.
    """

    outcomes: tuple[int, ...]
    queries: tuple[int, ...]
    texts: tuple[str, ...]
    words_changed: tuple[int, ...]
    as_found: tuple[int, ...]

    @property
    def lost_alone(self) -> int:
        """How many successes of the search did not hold when the model saw the text alone."""
        return sum(f == FOOLED != o for f, o in zip(self.as_found, self.outcomes, strict=True))

    @property
    def won_alone(self) -> int:
        """How many texts fooled the model alone with which the search had given up."""
        return sum(f != FOOLED == o for f, o in zip(self.as_found, self.outcomes, strict=True))

    @property
    def words_changed_mean(self) -> float:
        """Words exchanged, in the mean over the fooled texts; 0.0 if none was fooled."""
        changed = [count for count in self.words_changed if count]
        return sum(changed) / len(changed) if changed else 0.0


@checked
def attack(
    model: torch.nn.Module,
    tokenizer: "PreTrainedTokenizerBase",
    examples: "Examples",
    resources: Resources,
    *,
    task: "Task",
    max_length: int,
    seed: int = 0,
    one_at_a_time: bool = False,
    padded: bool = False,
    judge_failures: bool = False,
    progress: Callable[[int, int], None] | None = None,
    recipe: Recipe = textfooler,
) -> AttackResult:
    """How does the model answer texts whose words an attacker exchanges to mislead it?

    `recipe` makes the attack: TextFooler where none is given, else a `BertAttack` or a `TextBugger`.

    `examples` holds `texts` (a tuple of strings a row, one a column) and `labels`; `task` names the columns,
    the labels and the column that may change. Texts are cut to `max_length` tokens for the model, which is
    attacked on the device where it lies. Give `one_at_a_time` for a batch-dependent model (dynamic activation
    ranges); without it texts are asked in batches of up to 32. TextFooler's released code fills every text up
    to `max_length`, which `padded` does, and judges by the last text of any search, also of one that found
    nothing, which `judge_failures` does. `progress` is called with (done, total) after each text.

    No recipe draws anything at random here; the seed is set all the same and the generators put back, so that
    the same call gives the same result whatever ran before. Raises BadInput for an empty text and for a
    label that the task does not have, naming the row. Book: metrics/robustness.
    """
    _check(examples, task)
    in_range(seed, "seed", 0, 2**32 - 1)
    classes = getattr(getattr(model, "config", None), "num_labels", len(task.labels))
    if classes != len(task.labels):
        raise BadInput(f"{task.name} has {len(task.labels)} labels, and the model tells {classes} apart")
    names = label_names(model)
    if names and sorted(names) == sorted(task.labels) and names != list(task.labels):
        raise BadInput(
            f"the model's classes are {', '.join(names)}, and those of {task.name} {', '.join(task.labels)}"
        )
    victim = Victim(model, tokenizer, max_length, one_at_a_time, padded=padded)
    attacker = recipe(victim, resources, task.columns, task.attacked)
    found: list[TextResult] = []
    as_found: list[int] = []
    with _seeded(seed), _evaluating(model):
        for texts, label in zip(examples.texts, examples.labels, strict=True):
            one = attack_text(attacker, texts, label, task, max_length)
            as_found.append(one.outcome)
            if one.outcome == FOOLED or (judge_failures and one.outcome == WITHSTOOD):
                fooled = _fooled_alone(victim, texts, label, task, one.text)
                one = replace(one, outcome=FOOLED if fooled else WITHSTOOD)
            found.append(one)
            if progress:
                progress(len(found), len(examples.labels))
    return AttackResult(
        outcomes=tuple(one.outcome for one in found),
        queries=tuple(one.queries for one in found),
        texts=tuple(one.text if one.outcome == FOOLED else "" for one in found),
        words_changed=tuple(one.words_changed if one.outcome == FOOLED else 0 for one in found),
        as_found=tuple(as_found),
    )


@dataclass(frozen=True)
class TextResult:
    """What became of one text; the fields are AttackResult's, for one. `text` is the last that the search
    came to, whether it fooled the model or not; "" where none was begun."""

    outcome: int
    queries: int
    text: str = ""
    words_changed: int = 0


def attack_text(
    attacker: "Attack", texts: Sequence[str], label: int, task: "Task", max_length: int
) -> TextResult:
    """Attack one text with a `textattack.Attack`; what it found is not checked again."""
    from textattack.attack_results import SkippedAttackResult, SuccessfulAttackResult

    # TextAttack would cut a text in two at its separator, which BERT's tokenizer drops.
    texts = tuple(text.replace(SEPARATOR, "") for text in texts)
    seen, unseen = _cut(texts[task.attacked], max_length)
    columns = _with_column(texts, task.attacked, seen)
    result = attacker.attack(_attacked_text(task.columns, columns), int(label))
    if isinstance(result, SkippedAttackResult):
        return TextResult(ALREADY_WRONG, result.num_queries)
    outcome = FOOLED if isinstance(result, SuccessfulAttackResult) else WITHSTOOD
    final = result.perturbed_result.attacked_text
    changed = final.tokenizer_input if len(columns) == 1 else final.tokenizer_input[task.attacked]
    words_changed = len(final.attack_attrs["modified_indices"])
    return TextResult(outcome, result.num_queries, changed + unseen, words_changed)


def _fooled_alone(victim: Victim, texts: Sequence[str], label: int, task, adversarial: str) -> bool:
    columns = _with_column(texts, task.attacked, adversarial)
    return int(victim.alone(columns[0] if len(columns) == 1 else columns).argmax()) != label


def _with_column(texts: Sequence[str], index: int, text: str) -> tuple[str, ...]:
    return (*texts[:index], text, *texts[index + 1 :])


def _attacked_text(names: Sequence[str], columns: Sequence[str]):
    """What TextAttack attacks: a plain text, or the columns of a task about pairs by their names."""
    attacked_text = import_textattack().shared.AttackedText
    return attacked_text(columns[0] if len(columns) == 1 else OrderedDict(zip(names, columns, strict=True)))


def _cut(text: str, max_length: int) -> tuple[str, str]:
    """The text up to where the model can read, and the rest.

    A word is at least one token, so no word behind the first max_length + 1 comes into view even when one
    is deleted: swaps there change no answer, and trying them on a text of 10,000 words would take hours.
    """
    whole = import_textattack().shared.AttackedText(text)
    if whole.num_words <= max_length + 1:
        return text, ""
    seen = whole.text_of_first_n_words(max_length + 1)
    return seen, text[len(seen) :]


def _check(examples, task) -> None:
    has(examples, "examples", "texts", "labels")
    has(task, "task", "name", "columns", "labels", "attacked")
    if not examples.labels:
        raise BadInput("an attack needs at least one example, and none was given")
    for row, (texts, label) in enumerate(zip(examples.texts, examples.labels, strict=True)):
        if label not in range(len(task.labels)):
            raise BadInput(
                f"row {row} of {task.name} has the label {label}: it must lie in 0..{len(task.labels) - 1}"
            )
        for name, text in zip(task.columns, texts, strict=True):
            if not text.strip():
                raise BadInput(f"row {row} of {task.name} has an empty {name}: there is nothing to attack")


@contextmanager
def _seeded(seed: int) -> Iterator[None]:
    """Python, NumPy and torch drawing from the seed inside, and as if nothing had been drawn outside."""
    python, numpy = random.getstate(), np.random.get_state()
    with torch.random.fork_rng(devices=[]):
        random.seed(seed)
        np.random.seed(seed)
        torch.manual_seed(seed)
        try:
            yield
        finally:
            random.setstate(python)
            np.random.set_state(numpy)


@contextmanager
def _evaluating(model) -> Iterator[None]:
    """Without dropout, and as it was afterwards."""
    training = model.training
    model.eval()
    try:
        yield
    finally:
        model.train(training)
