"""Exercises on measures: each checker with the book's own function and the mistakes that are made most."""

import numpy as np

from bert_compression.metrics import (
    ALREADY_WRONG,
    FOOLED,
    WITHSTOOD,
    error_jaccard,
    label_loyalty,
    probability_loyalties,
    probability_loyalty,
    withstood,
)
from bert_compression.workshop.checks import Check, Mistake

COUNT = "This counts texts. A share needs a division: by how many?"

check_label_loyalty = Check(
    part=1,
    name="label_loyalty",
    reference=label_loyalty,
    cases=(
        (np.array([0, 1, 1, 0]), np.array([0, 1, 0, 0])),
        (np.array([2, 0, 1, 1, 2]), np.array([0, 0, 2, 2, 2])),
    ),
    mistakes=(
        Mistake(
            lambda t, s: t == s,
            "This is one truth value for each text. You want the share of texts that are true: what does the "
            "mean of truth values give?",
        ),
        Mistake(lambda t, s: (t == s).sum(), COUNT),
        Mistake(
            lambda t, s: (t != s).mean(),
            "This is the share of texts on which the two differ. Loyalty is the other part.",
        ),
        Mistake(
            lambda t, s: t.mean() == s.mean(),
            "This compares two averages. Compare the labels text by text, then average.",
        ),
    ),
)


def error_overlap(gold: np.ndarray, first: np.ndarray, second: np.ndarray) -> float:
    """Of the texts that at least one of two models gets wrong, how many do both? Labels (texts,)."""
    return error_jaccard(first != gold, second != gold)


def _jaccard(a: np.ndarray, b: np.ndarray) -> float:
    return (a & b).sum() / (a | b).sum()


check_error_overlap = Check(
    part=1,
    name="error_overlap",
    reference=error_overlap,
    cases=(
        (
            np.array([0, 0, 1, 1, 2, 2, 0, 1]),
            np.array([0, 1, 1, 0, 1, 2, 2, 1]),
            np.array([0, 1, 1, 2, 0, 0, 0, 1]),
        ),
        (np.array([0, 1, 0, 1]), np.array([1, 1, 0, 0]), np.array([1, 0, 0, 0])),
    ),
    mistakes=(
        Mistake(
            lambda g, a, b: ((a != g) & (b != g)).mean(),
            "You divide by all texts. Divide by the texts that at least one of the two gets wrong.",
        ),
        Mistake(
            lambda g, a, b: ((a != g) & (b != g)).sum() / (a != g).sum(),
            "You divide by the errors of the first model alone. Exchange the two models and you get another "
            "number; an overlap should not do that.",
        ),
        Mistake(
            lambda g, a, b: ((a != g) & (b != g)).sum() / (b != g).sum(),
            "You divide by the errors of the second model alone. Exchange the two models and you get another "
            "number; an overlap should not do that.",
        ),
        Mistake(
            lambda g, a, b: _jaccard(a == g, b == g),
            "This is the overlap of what they get right. Two good models always share most of that.",
        ),
        Mistake(
            lambda g, a, b: (a == b).mean(),
            "This is label loyalty: it counts texts that both get right, too.",
        ),
        Mistake(
            lambda g, a, b: ((a == b) & (a != g)).sum() / ((a != g) | (b != g)).sum(),
            "You ask for the same wrong label. With three classes two models can both be wrong and say "
            "different things: that counts as an error of both.",
        ),
        Mistake(
            lambda g, a, b: ((a != g) & (b != g)).sum() / ((a != g).sum() + (b != g).sum()),
            "Texts that both get wrong are counted twice in your divisor. Use `|`, not a sum of two counts.",
        ),
    ),
)


def _kl(p: np.ndarray, q: np.ndarray) -> np.ndarray:
    return (p * np.log(p / q)).sum(axis=1)


def _js(p: np.ndarray, q: np.ndarray) -> np.ndarray:
    m = (p + q) / 2
    return (_kl(p, m) + _kl(q, m)) / 2


check_probability_loyalty = Check(
    part=1,
    name="probability_loyalty",
    reference=probability_loyalty,
    cases=(
        (np.array([[0.9, 0.1], [0.3, 0.7]]), np.array([[0.6, 0.4], [0.2, 0.8]])),
        (
            np.array([[0.8, 0.1, 0.1], [0.2, 0.5, 0.3], [0.25, 0.25, 0.5], [0.05, 0.9, 0.05]]),
            np.array([[0.1, 0.8, 0.1], [0.2, 0.4, 0.4], [0.3, 0.2, 0.5], [0.25, 0.6, 0.15]]),
        ),
    ),
    mistakes=(
        Mistake(
            lambda p, q: 1 - _js(p, q).mean(),
            "The square root is missing: 1 − √JS. The root of the divergence is the distance.",
        ),
        Mistake(
            lambda p, q: np.sqrt(_js(p, q)).mean(),
            "This is the distance, 0 where both agree. Loyalty is 1 minus it.",
        ),
        Mistake(
            lambda p, q: 1 - np.sqrt(_js(p, q).mean()),
            "You average first and take the root afterwards. Each text has its own distance: root first, "
            "then the mean.",
        ),
        Mistake(
            lambda p, q: 1 - np.sqrt(_kl(p, q)).mean(),
            "This is KL(teacher ‖ student), which asks the teacher alone. JS compares both with their middle "
            "M = (P + Q) / 2.",
        ),
        Mistake(
            lambda p, q: 1 - np.sqrt(_kl(q, p)).mean(),
            "This is KL(student ‖ teacher). JS compares both with their middle M = (P + Q) / 2.",
        ),
        Mistake(
            lambda p, q: 1 - np.sqrt(2 * _js(p, q)).mean(),
            "One half is missing: JS is the mean of the two divergences, not their sum.",
        ),
        Mistake(
            lambda p, q: 1 - np.sqrt(_js(p, q) / np.log(2)).mean(),
            "Your logarithm has base 2. That is a fair choice, but other numbers: here it is `np.log`.",
        ),
        Mistake(
            lambda p, q: 1 - np.sqrt(_js(p, q) / p.shape[1]).mean(),
            "You average over the classes. A divergence is a sum over classes; the mean is over texts.",
        ),
        Mistake(probability_loyalties, "This is one number for each text. What is missing is the mean."),
    ),
)


def overconfidence(probs: np.ndarray, gold: np.ndarray) -> float:
    """How sure is a model, in the mean, beyond how often it is right? Probabilities (texts, classes)."""
    return float(probs.max(axis=1).mean() - (probs.argmax(axis=1) == gold).mean())


check_overconfidence = Check(
    part=2,
    name="overconfidence",
    reference=overconfidence,
    # As many texts as classes, so that the wrong axis gives a wrong number and not an error.
    cases=(
        (np.array([[0.9, 0.1], [0.55, 0.45]]), np.array([0, 1])),
        (np.array([[0.5, 0.3, 0.2], [0.05, 0.35, 0.6], [0.1, 0.7, 0.2]]), np.array([0, 2, 1])),
    ),
    mistakes=(
        Mistake(
            lambda p, g: p.max(axis=0).mean() - (p.argmax(axis=0) == g).mean(),
            "You look along axis 0: that finds, for each class, the text that fits best. The likeliest class "
            "of each text is along axis 1.",
        ),
        Mistake(
            lambda p, g: p.max(axis=1).mean() - (p.argmax(axis=0) == g).mean(),
            "`argmax` looks along axis 0: that finds, for each class, the text that fits best. The label of "
            "each text is along axis 1.",
        ),
        Mistake(
            lambda p, g: (p.argmax(axis=1) == g).mean() - p.max(axis=1).mean(),
            "The sign is turned round: overconfident is positive, confidence minus accuracy.",
        ),
        Mistake(
            lambda p, g: abs(overconfidence(p, g)),
            "Without its sign nobody can tell too sure from too shy. Leave out `abs`.",
        ),
        Mistake(
            lambda p, g: p[:, 1].mean() - (p.argmax(axis=1) == g).mean(),
            "You take the probability of class 1. Confidence is the probability of the label that the model "
            "gives, whichever that is.",
        ),
        Mistake(
            lambda p, g: p[range(len(g)), g].mean() - (p.argmax(axis=1) == g).mean(),
            "You take the probability of the right label. Confidence is that of the label that the model "
            "gives, right or wrong.",
        ),
        Mistake(
            lambda p, g: p.max(axis=1).mean(),
            "This is the confidence. From it you still have to take the accuracy.",
        ),
    ),
)


def after_attack_accuracy(outcomes: np.ndarray) -> float:
    """Of all attacked texts, how many does the model still get right? Outcomes 0, 1, 2, (texts,)."""
    return float(withstood(outcomes).mean())


check_after_attack_accuracy = Check(
    part=4,
    name="after_attack_accuracy",
    reference=after_attack_accuracy,
    cases=((np.array([0, 1, 2, 2, 1, 2, 2, 0]),), (np.array([1, 2, 0, 1, 1]),)),
    mistakes=(
        Mistake(
            lambda o: (o == WITHSTOOD).sum() / (o != ALREADY_WRONG).sum(),
            "You divide by the texts that were right at first. A model that is often wrong would look "
            "robust. Divide by all texts.",
        ),
        Mistake(
            lambda o: (o != FOOLED).mean(),
            "You count the texts that were wrong before any attack as if they had withstood. They are "
            "errors, with or without an attacker.",
        ),
        Mistake(
            lambda o: (o == FOOLED).mean(),
            "This is the share that was fooled. Asked is what the attack has left.",
        ),
        Mistake(
            lambda o: (o == FOOLED).sum() / (o != ALREADY_WRONG).sum(),
            "This is the attacker's success rate. Asked is the accuracy that is left, of all texts.",
        ),
        Mistake(
            lambda o: (o != ALREADY_WRONG).mean(),
            "This is the accuracy before the attack. Take away the texts that were fooled.",
        ),
        Mistake(lambda o: (o == WITHSTOOD).sum(), COUNT),
    ),
)


def lost_alone(as_found: np.ndarray, outcomes: np.ndarray) -> float:
    """Of the texts that fooled the model while searching, what share does not fool it alone? (texts,)."""
    found = as_found == FOOLED
    return float((found & (outcomes != FOOLED)).sum() / found.sum())


check_lost_alone = Check(
    part=4,
    name="lost_alone",
    reference=lost_alone,
    cases=(
        (np.array([2, 2, 1, 0, 2, 2, 1, 2]), np.array([2, 1, 2, 0, 1, 2, 1, 1])),
        (np.array([1, 2, 2, 1]), np.array([2, 1, 2, 1])),
    ),
    mistakes=(
        Mistake(
            lambda f, o: ((f == FOOLED) & (o != FOOLED)).mean(),
            "You divide by all texts. Asked is a share of the search's successes.",
        ),
        Mistake(
            lambda f, o: ((f == FOOLED).sum() - (o == FOOLED).sum()) / (f == FOOLED).sum(),
            "You subtract two counts. A text that is lost and another that is won then cancel: look at each "
            "text in both arrays.",
        ),
        Mistake(
            lambda f, o: (f != o).mean(),
            "This counts every change, also texts that fool the model only alone, and divides by all texts. "
            "Begin with the texts that the search found.",
        ),
        Mistake(
            lambda f, o: (f != o).sum() / (f == FOOLED).sum(),
            "This counts every change, also texts that fool the model only alone. Begin with the texts that "
            "the search found.",
        ),
        Mistake(
            lambda f, o: ((f == FOOLED) & (o == FOOLED)).sum() / (f == FOOLED).sum(),
            "This is the share that holds. Asked is the share that is lost.",
        ),
        Mistake(
            lambda f, o: ((f == FOOLED) & (o != FOOLED)).sum(),
            "This counts texts. Divide by the number of texts that the search found.",
        ),
    ),
)
