"""Scores of extractive question answering: exact match and F1 over words. Book: methods/questions.

The rules of SQuAD 2.0 (Rajpurkar, Jia and Liang 2018), as its official evaluation has them: no answer is the
empty text, and for a question without gold answers no answer is right.
"""

import re
import string
from collections import Counter
from collections.abc import Sequence

from bert_compression.checks import checked
from bert_compression.errors import BadInput

ARTICLES = re.compile(r"\b(a|an|the)\b")
PUNCTUATION = str.maketrans("", "", string.punctuation)


@checked
def normalized_answer(text: str) -> str:
    """An answer as it is compared: in lower case, without punctuation and articles, with single spaces.

    >>> normalized_answer("  The Ottoman-Empire's  end.")
    'ottomanempires end'
    """
    return " ".join(ARTICLES.sub(" ", text.lower().translate(PUNCTUATION)).split())


@checked
def exact_match(predicted: str, answers: Sequence[str]) -> bool:
    """Is the answer one of the gold ones, up to case, punctuation and articles?

    `answers` is empty for a question that has none: then only "", no answer, is right.

    >>> exact_match("the Normans", ["Normans", "Norman people"]), exact_match("Normans", [])
    (True, False)
    """
    return normalized_answer(predicted) in {normalized_answer(gold) for gold in _gold(answers)}


@checked
def answer_f1(predicted: str, answers: Sequence[str]) -> float:
    """How far do the words of the answer agree with those of the best fitting gold one? In [0, 1].

    The harmonic mean of precision and recall over words, repetitions counted. Where either side is no
    answer, 1 if both are and 0 otherwise.

    >>> answer_f1("in the 10th century", ["10th and 11th centuries", "10th century"])
    0.8
    """
    words = normalized_answer(predicted).split()
    return max(_overlap(words, normalized_answer(gold).split()) for gold in _gold(answers))


@checked
def squad_scores(predicted: Sequence[str], answers: Sequence[Sequence[str]]) -> dict[str, float]:
    """How good are the answers to a set of questions? Means in [0, 1] by name.

    - "exact_match", "answer_f1": over all questions, the means of `exact_match` and `answer_f1`;
    - "answered_f1": F1 over the questions that have an answer (HasAns F1 in SQuAD 2.0);
    - "refused": how often the questions that have none get none (NoAns F1, which equals NoAns exact match).

    The last two are left out where there are no such questions.

    Raises BadInput for no question, or another number of answers than of predictions.
    """
    if len(predicted) != len(answers) or not len(predicted):
        raise BadInput(
            f"{len(predicted)} predictions for {len(answers)} questions: there must be one for each, and some"
        )
    f1 = [answer_f1(text, gold) for text, gold in zip(predicted, answers, strict=True)]
    with_answer = [_gold(gold) != [""] for gold in answers]
    parts = {
        "answered_f1": [score for score, there in zip(f1, with_answer, strict=True) if there],
        "refused": [score for score, there in zip(f1, with_answer, strict=True) if not there],
    }
    right = [exact_match(text, gold) for text, gold in zip(predicted, answers, strict=True)]
    return {
        "exact_match": sum(right) / len(right),
        "answer_f1": sum(f1) / len(f1),
        **{name: sum(scores) / len(scores) for name, scores in parts.items() if scores},
    }


def _gold(answers: Sequence[str]) -> list[str]:
    """The gold answers that hold more than articles and punctuation; without any, the empty text."""
    return [gold for gold in answers if normalized_answer(gold)] or [""]


def _overlap(predicted: list[str], gold: list[str]) -> float:
    """F1 of two lists of words."""
    if not predicted or not gold:
        return float(predicted == gold)
    common = sum((Counter(predicted) & Counter(gold)).values())
    return 2 * common / (len(predicted) + len(gold))
