"""Reviews of several sentences: that every judgement says what the label says, and words alone do not."""

from collections import Counter
from random import Random

import pytest
from test_language import judge

from bert_compression.tasks.baselines import trivial_baselines
from bert_compression.tasks.english.lexicon import CONCEPT_OF, FUNCTION_WORDS, polarity
from bert_compression.tasks.english.long_reviews import JUDGEMENTS, long_review, sample_remark
from bert_compression.tasks.examples import Examples


def reviews(count: int, seed: int = 0) -> list[dict]:
    rng = Random(seed)
    return [long_review(rng) for _ in range(count)]


def sentences(text: str) -> list[str]:
    return [f"{sentence} ." for sentence in text.removesuffix(" .").split(" . ")]


def judges(sentence: str) -> bool:
    return any(map(polarity, sentence.split()))


def test_every_judgement_has_the_polarity_of_the_label():
    for row in reviews(300):
        judged = [judge(sentence) for sentence in sentences(row["text"]) if judges(sentence)]
        assert judged == [1 if row["label"] else -1] * JUDGEMENTS


def test_lengths_labels_and_words_are_as_promised():
    rows = reviews(1000)
    lengths = [len(row["text"].split()) for row in rows]
    assert min(lengths) >= 40 and max(lengths) <= 90 and max(lengths) - min(lengths) > 30
    assert 450 < sum(row["label"] for row in rows) < 550
    assert {word for row in rows for word in row["text"].split()} <= {*CONCEPT_OF, *FUNCTION_WORDS}
    assert len({row["text"] for row in rows}) == len(rows)


def test_judgements_stand_anywhere_among_remarks():
    places = Counter()
    for row in reviews(500):
        judged = [judges(sentence) for sentence in sentences(row["text"])]
        places["first"] += judged[0]
        places["last"] += judged[-1]
        places["remarks"] += judged.count(False)
    assert 100 < places["first"] < 450 and 100 < places["last"] < 450
    assert places["remarks"] > 500


def test_a_remark_judges_nothing_and_a_judgement_does():
    rng = Random(0)
    for _ in range(200):
        remark = sample_remark(rng)
        assert remark.polarity == 0 and remark.patient is not None and not remark.negated
    assert {judges(sentence) for row in reviews(5) for sentence in sentences(row["text"])} == {True, False}


def test_negations_and_concessions_stand_under_both_labels():
    for word in ("never", "but", "although", "despite"):
        found = Counter(row["label"] for row in reviews(500) if word in row["text"].split())
        assert min(found[0], found[1]) > 25, word


def test_the_same_seed_gives_the_same_reviews_and_another_others():
    assert reviews(3) == reviews(3) != reviews(3, seed=1)


@pytest.fixture(scope="module")
def baselines():
    def examples(count, seed):
        rows = reviews(count, seed)
        return Examples(tuple((row["text"],) for row in rows), tuple(row["label"] for row in rows))

    return trivial_baselines(examples(1000, 1), examples(500, 2))


def test_words_alone_do_not_give_the_label_away(baselines):
    assert baselines["majority"] < 0.56
    assert baselines["bag of words"] < 0.6
