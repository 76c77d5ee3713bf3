"""Robustness: what an attack leaves of a model's accuracy, and what it costs the attacker.

All functions take outcomes as `attacks.attack` reports them, one a text: 0 (answered wrongly before any
attack), 1 (withstood) or 2 (fooled). Book: metrics/robustness, metrics/attacks.
"""

from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike

from bert_compression.checks import check_draws, checked, counts, paired_labels, rectangle
from bert_compression.errors import BadInput, shown
from bert_compression.metrics.significance import TAILS, bootstrap_interval

ALREADY_WRONG, WITHSTOOD, FOOLED = 0, 1, 2


@checked
def withstood(outcomes: ArrayLike) -> np.ndarray:
    """Which texts does the model still answer rightly once an attacker has tried? Truth values (texts,).

    `outcomes` has the shape (texts,) and holds 0 (answered wrongly before any attack), 1 (withstood) or 2
    (fooled). The mean is the after-attack accuracy of `attack_summary`; the values are what intervals and
    paired tests are made from.

    >>> withstood([0, 1, 2]).tolist()
    [False, True, False]

    Raises BadInput for an empty array, another shape or an unknown outcome. Book: metrics/robustness.
    """
    return _outcomes(outcomes) == WITHSTOOD


@checked
def attack_summary(outcomes: ArrayLike, labels: ArrayLike, queries: ArrayLike) -> dict[str, float]:
    """How often is the model still right once an attacker has tried, and after how many queries?

    All three arguments have the shape (texts,): `outcomes` holds 0 (answered wrongly before any attack),
    1 (withstood) or 2 (fooled), `labels` the gold labels, `queries` how often the attacker asked the model.

    Returns fractions in [0, 1], and counts:
    - `after_attack_accuracy`: texts that withstood (the mean of `withstood`), over *all* texts, as
      TextFooler's authors count (Jin et al. 2020; Xu et al. 2021, section 3.2); higher is more robust;
    - `after_attack_accuracy_class_<label>`: the same among the texts of one gold label. A model that has
      collapsed onto one class looks robust in the mean and shows itself here. A label that no text
      has is left out;
    - `clean_accuracy`: texts that were answered rightly before the attack;
    - `queries_mean`: mean queries over the texts that were answered rightly at first; 0.0 if none was;
    - `attacked`: the number of texts.

    >>> summary = attack_summary([0, 1, 2, 2], labels=[0, 0, 1, 1], queries=[1, 30, 10, 20])
    >>> summary["after_attack_accuracy"], summary["clean_accuracy"], summary["queries_mean"]
    (0.25, 0.75, 20.0)
    >>> summary["after_attack_accuracy_class_0"], summary["after_attack_accuracy_class_1"]
    (0.5, 0.0)

    Raises BadInput for arrays of different length, empty ones, an unknown outcome or a negative count.
    Book: metrics/robustness.
    """
    outcome, label = paired_labels(outcomes, labels, ("outcomes", "labels"))
    outcome, asked = _with_queries(outcome, queries)
    held, right = withstood(outcome), outcome != ALREADY_WRONG
    summary = {
        "after_attack_accuracy": float(held.mean()),
        "clean_accuracy": float(right.mean()),
        "queries_mean": float(asked[right].mean()) if right.any() else 0.0,
        "attacked": len(outcome),
    }
    for value in np.unique(label).tolist():
        summary[f"after_attack_accuracy_class_{value}"] = float(held[label == value].mean())
    return summary


@checked
def query_contributions(outcomes: ArrayLike, queries: ArrayLike) -> np.ndarray:
    """For each text a number whose mean over all texts is `queries_mean` of `attack_summary`, (texts,).

    Both arguments have the shape (texts,): 0, 1 or 2 a text, and how often the attacker asked about it. That
    mean is over the texts that were answered rightly at first, a ratio of two sums. A text adds to it how far
    its queries lie from the mean, divided by the share of such texts, and nothing where it was wrong; so the
    scatter of these numbers is that of the ratio, to first order.

    >>> query_contributions([0, 1, 2, 2], [1, 30, 10, 20]).tolist()
    [20.0, 33.333333333333336, 6.666666666666666, 20.0]

    All are 0 where no text was answered rightly. Raises BadInput for arrays of different length, empty ones
    or an unknown outcome. Book: metrics/robustness.
    """
    outcome, asked = _with_queries(outcomes, queries)
    right = _outcomes(outcome) != ALREADY_WRONG
    if not right.any():
        return np.zeros(len(outcome))
    mean = asked[right].mean()
    return mean + np.where(right, asked - mean, 0.0) / right.mean()


@checked
def degradation(outcomes: ArrayLike) -> dict[str, float]:
    """How much of a model's accuracy does an attack take, in points and as a share of what there was?

    `outcomes` has the shape (texts,) and holds 0 (answered wrongly before any attack), 1 (withstood) or 2
    (fooled). Returns fractions in [0, 1], each with a 95 % bootstrap interval over texts (`_low`, `_high`):

    - `degradation`: texts that were fooled, over all texts: accuracy before less accuracy after;
    - `relative_degradation`: the same over the texts that were right before. Left out where none was.

    A model that is often wrong from the start has little to lose in points, so the two can disagree on who is
    hurt most; Rai et al. 2024 do not say which theirs is.

    >>> found = degradation([0, 0, 1, 2])
    >>> found["degradation"], found["relative_degradation"]
    (0.25, 0.5)

    Raises BadInput for an empty array or an unknown outcome. Book: metrics/attacks.
    """
    found = _outcomes(outcomes)
    fooled = found == FOOLED
    shares = {"degradation": fooled, "relative_degradation": fooled[found != ALREADY_WRONG]}
    summary: dict[str, float] = {}
    for name, share in shares.items():
        if share.size:
            low, high = bootstrap_interval(share)
            summary |= {name: float(share.mean()), f"{name}_low": low, f"{name}_high": high}
    return summary


@checked
def relative_degradation_difference(
    first_outcomes: ArrayLike,
    second_outcomes: ArrayLike,
    resamples: int = 2000,
    seed: int = 0,
    scale: float = 1.0,
) -> tuple[float, float, float]:
    """By how much does an attack take a larger share of the first model's accuracy than of the second's?

    Both arguments hold outcomes of the same attack on the same texts, of the shape (seeds, texts): a row is
    one training of the model. Returns (effect, low, high). The effect is the difference of the relative
    degradations (see `degradation`), first minus second, averaged over seeds: in [-1, 1], 0 where both lose
    the same share. Low and high bound its 95 % percentile bootstrap interval over texts, with the same texts
    drawn for both models and all seeds. A relative degradation is a ratio of two sums over texts, so that no
    mean of differences text by text can stand in its place.

    Of four texts the first model is right on two and loses one; the second is right on all and loses one:

    >>> effect, low, high = relative_degradation_difference([[1, 2, 0, 0] * 25], [[1, 1, 1, 2] * 25])
    >>> effect, 0 < low < effect < high < 0.5
    (0.25, True)

    `scale` is a factor for all three: 100 gives percentage points. All are NaN where a model was never right
    before the attack, and the bounds where that can be so of drawn texts. Raises BadInput for different
    shapes, empty arrays or an unknown outcome. Book: metrics/attacks.
    """
    first = rectangle(first_outcomes, "first_outcomes")
    second = rectangle(second_outcomes, "second_outcomes")
    check_draws(resamples, seed)
    if first.ndim != 2 or first.shape != second.shape or not first.size:
        raise BadInput(
            f"both must have one shape (seeds, texts), but they have {first.shape} and {second.shape}"
        )
    found = np.array([first, second])  # (models, seeds, texts)
    _check_outcomes(found.ravel())
    texts = found.shape[-1]
    draws = _draws(texts, resamples, seed)
    fooled, right = (draws @ each.swapaxes(1, 2) for each in (found == FOOLED, found != ALREADY_WRONG))
    with np.errstate(invalid="ignore"):
        shares = fooled / right  # (models, draws, seeds)
    effects = scale * (shares[0] - shares[1]).mean(axis=1)
    low, high = np.quantile(effects[1:], TAILS)
    return float(effects[0]), float(low), float(high)


@checked
def queries_per_success(outcomes: ArrayLike, queries: ArrayLike) -> float:
    """How many queries does a success cost, as BERT-ATTACK's released code counts?

    Both arguments have the shape (texts,) and hold what `attacks.attack` reports: `outcomes` 0 (already
    wrong), 1 (withstood) or 2 (fooled), and `queries`, which count the first look at every text.

    Returns the mean over texts that ended as successes. A text that was already wrong is one, with 0
    queries; the first look is not counted; texts that withstood, which cost most, are left out. So the mean
    falls when a model is bad to begin with, and when it is robust. `attack_summary` has the mean over the
    texts that were right at first. After-attack accuracy is the same in both countings. 0.0 without any
    success.

    >>> queries_per_success([0, 1, 2, 2], [1, 400, 31, 61])  # (0 + 30 + 60) / 3
    30.0

    Raises BadInput for arrays of different length, empty ones, an unknown outcome, or no first look.
    Source: Li et al. 2020, released code, `evaluate`. Book: metrics/attacks.
    """
    outcome, asked = _with_queries(outcomes, queries)
    _check_outcomes(outcome)
    if (asked < 1).any():
        raise BadInput(f"queries must count the first look at each text, but {asked.min()} was found")
    counted = (asked - 1) * (outcome == FOOLED)
    success = outcome != WITHSTOOD
    return float(counted[success].mean()) if success.any() else 0.0


@checked
def accuracy_within_budget(outcomes: ArrayLike, queries: ArrayLike, budgets: ArrayLike) -> np.ndarray:
    """How often is the model right while an attacker may query it about a text no more than so many times?

    `outcomes` and `queries` have the shape (texts,) and hold what `attacks.attack` reports: 0 (already
    wrong), 1 (withstood) or 2 (fooled), and how often the model was asked, the first look included. `budgets`
    has the shape (budgets,).

    Returns the accuracy that is left at each budget, (budgets,), fractions of all texts: what was right
    before still is, unless the model was fooled with at most so many queries. With a budget of 0 that is the
    accuracy before any attack, and with one that is never used up the after-attack accuracy of
    `attack_summary`; in between it never rises. An attack that stops when its budget is spent would leave as
    much, if it does not plan with the budget.

    >>> accuracy_within_budget([0, 1, 2, 2], [1, 400, 30, 60], budgets=[0, 30, 60]).tolist()
    [0.75, 0.5, 0.25]

    Raises BadInput for arrays of different length, empty ones, an unknown outcome or a negative count.
    Source: budgets as Yoo et al. 2020 fix them; read off finished attacks, ours. Book: metrics/attacks.
    """
    outcome, asked = _with_queries(outcomes, queries)
    _check_outcomes(outcome)
    allowed = counts(budgets, "budgets", ("budgets",))
    fallen = (outcome == FOOLED) & (asked <= allowed[:, None])
    return ((outcome != ALREADY_WRONG) & ~fallen).mean(axis=1)


@lru_cache(maxsize=1)  # a page compares dozens of pairs of models on the same texts
def _draws(texts: int, resamples: int, seed: int) -> np.ndarray:
    """How often each text is drawn, (1 + resamples, texts): in the first row once."""
    drawn = np.random.default_rng(seed).multinomial(texts, np.full(texts, 1 / texts), resamples)
    return np.concatenate([np.ones((1, texts)), drawn])


def _with_queries(outcomes: ArrayLike, queries: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """Outcomes and as many numbers of queries, (texts,)."""
    outcome, asked = paired_labels(outcomes, queries, ("outcomes", "queries"))
    return outcome, counts(asked, "queries", ("texts",))


def _outcomes(outcomes: ArrayLike) -> np.ndarray:
    """An array (texts,) of outcomes."""
    found = rectangle(outcomes, "outcomes")
    if found.ndim != 1 or not found.size:
        raise BadInput(f"outcomes must have the shape (texts,) and hold at least one, not {found.shape}")
    _check_outcomes(found)
    return found


def _check_outcomes(outcomes: np.ndarray) -> None:
    """Raises BadInput for what is no outcome of an attack."""
    unknown = set(outcomes.tolist()) - {ALREADY_WRONG, WITHSTOOD, FOOLED}
    if unknown:
        raise BadInput(
            f"outcomes must be 0 (already wrong), 1 (withstood) or 2 (fooled), not {shown(min(unknown))}"
        )
