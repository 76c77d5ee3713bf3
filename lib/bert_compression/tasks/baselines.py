"""What can be had without reading: the trivial models that a task's numbers are to be seen beside."""

from collections.abc import Sequence

import numpy as np

from bert_compression.checks import checked
from bert_compression.tasks.examples import Examples

NEGATIONS = {"no", "not", "never", "nobody", "nothing", "none", "nor", "hardly", "scarcely", "barely"}


@checked
def trivial_baselines(train: Examples, evaluated: Examples) -> dict[str, float]:
    """How good are models that only know which words occur? By name, the share of `evaluated` that each
    labels right; of regression targets (floats), its correlation with them (Pearson).

    - "majority": always the commonest label of `train`; of regression targets none, since what never
      changes correlates with nothing;
    - "hypothesis only", of pairs: the second text as TF-IDF, and logistic regression on it, or ridge
      regression on regression targets;
    - "bag of words": the same with every text, and of pairs also how far the two share their words, how long
      they are, how often each negates, and whether the number of negations is odd.

    What a model has above these it has from order and meaning. Labels that occur once do no harm; the same
    examples give the same fractions. Needs scikit-learn. Book: data/built_in_english.
    """
    labels, gold = np.array(train.labels), np.array(evaluated.labels)
    known, asked = zip(*train.texts, strict=True), zip(*evaluated.texts, strict=True)
    columns = list(zip(known, asked, strict=True))  # by column: the texts to learn from, the texts to label
    found = {}
    if not _are_targets(labels):
        found["majority"] = float(np.mean(gold == np.bincount(labels).argmax()))
    if len(columns) == 2:
        found["hypothesis only"] = _score(columns[1:], labels, gold)
    found["bag of words"] = _score(columns, labels, gold)
    return found


def _are_targets(labels: np.ndarray) -> bool:
    return np.issubdtype(labels.dtype, np.floating)


def _score(columns: Sequence[tuple], labels: np.ndarray, gold: np.ndarray) -> float:
    """The share of right answers from these columns alone, or the correlation with regression targets."""
    from scipy.sparse import csr_matrix, hstack
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression, Ridge

    vectorizers = [TfidfVectorizer().fit(known) for known, _ in columns]

    def features(texts: Sequence[Sequence[str]]) -> csr_matrix:
        parts = [each.transform(column) for each, column in zip(vectorizers, texts, strict=True)]
        if len(texts) == 2:
            parts.append(csr_matrix([_between(*pair) for pair in zip(*texts, strict=True)]))
        return hstack(parts).tocsr()

    known, asked = zip(*columns, strict=True)
    if _are_targets(labels):
        return float(np.corrcoef(Ridge().fit(features(known), labels).predict(features(asked)), gold)[0, 1])
    return float(LogisticRegression(max_iter=1000).fit(features(known), labels).score(features(asked), gold))


def _between(premise: str, hypothesis: str) -> list[float]:
    """What can be seen of two texts side by side: shared words, lengths, negations. Each about 0 to 2."""
    words = [text.lower().split() for text in (premise, hypothesis)]
    here, there = set(words[0]), set(words[1])
    shared = [len(here & there) / size for size in (len(here | there), len(here), len(there))]
    negations = [sum(word in NEGATIONS for word in each) for each in words]
    return [*shared, *(len(each) / 10 for each in words), *negations, sum(negations) % 2]
