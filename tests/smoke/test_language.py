"""Generated reviews, short and long: that the meaning decides and the wording does not. Of long ones every
judgement says what the label says, and words alone do not."""

import re
from collections import Counter
from random import Random

import pytest

from bert_compression.smoke.language import (
    CONCEPT_OF,
    CONCEPTS,
    FUNCTION_WORDS,
    JUDGEMENTS,
    Clause,
    Concept,
    Review,
    Thing,
    long_review,
    polarity,
    review_pattern,
    rewording,
    sample_remark,
    sample_review,
    synonyms,
    wording,
)
from bert_compression.tasks.baselines import trivial_baselines
from bert_compression.tasks.examples import Examples

FILM, SCRIPT, CRITIC = CONCEPT_OF["film"], CONCEPT_OF["script"], CONCEPT_OF["critic"]
GOOD, AWFUL, PRAISED = CONCEPT_OF["good"], CONCEPT_OF["awful"], CONCEPT_OF["praised"]
SAID, DENIED = CONCEPT_OF["said"], CONCEPT_OF["denied"]


def judge(text: str) -> int:
    """The polarity of a text by reading it: a second route, which shares only the lexicon with the first."""
    text = text.removesuffix(" .")
    if re.match("although |though |despite ", text):
        text = text.split(" , ", 1)[1]
    elif " , but " in text or " , yet " in text:
        text = re.split(" , (?:but|yet) ", text)[1]
    else:
        text = re.split(" , (?:although|though) | despite ", text)[0]
    groups = [CONCEPT_OF[word].group if word in CONCEPT_OF else word for word in text.split()]
    turns = sum(group in ("deny", "negator", "not") for group in groups)
    said = [polarity(word) for word in text.split() if polarity(word)]
    assert len(said) == 1, text
    return said[0] * (-1) ** turns


def meaning(words: list[str]) -> list:
    """The words with concepts in the place of what carries one."""
    return [CONCEPT_OF.get(word, word) for word in words]


def reviews(count: int, seed: int = 0, rare: float = 0.3):
    """Sampled reviews, each with a rendering."""
    rng = Random(seed)
    for _ in range(count):
        review = sample_review(rng, rng.choice((1, -1)))
        yield review, wording(review_pattern(review, rng), rng, rare)


@pytest.mark.parametrize(
    ("review", "expected"),
    [
        (Review(Clause(Thing(FILM), GOOD)), 1),
        (Review(Clause(Thing(FILM), AWFUL)), -1),
        (Review(Clause(Thing(FILM), GOOD, negated=True)), -1),
        (Review(Clause(Thing(CRITIC), PRAISED, Thing(FILM), negated=True)), -1),
        (Review(Clause(Thing(FILM), GOOD), concession=Clause(Thing(SCRIPT), AWFUL)), 1),
        (Review(Clause(Thing(FILM), GOOD), concession=Thing(SCRIPT, AWFUL)), 1),
        (Review(Clause(Thing(FILM), AWFUL), concession=Clause(Thing(SCRIPT), AWFUL, negated=True)), -1),
        (Review(Clause(Thing(FILM), GOOD), reporter=(Thing(CRITIC), SAID)), 1),
        (Review(Clause(Thing(FILM), GOOD), reporter=(Thing(CRITIC), DENIED)), -1),
        (Review(Clause(Thing(FILM), GOOD, negated=True), reporter=(Thing(CRITIC), DENIED)), 1),
    ],
)
def test_polarity_of_hand_made_meanings(review, expected):
    assert review.polarity == expected
    for seed in range(20):  # every form of the sentence
        assert judge(wording(review_pattern(review, Random(seed)), Random(seed))) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("the film was superb .", 1),
        ("the film was not very superb .", -1),
        ("the film was enjoyed by the critic , but the script was pure rubbish .", -1),
        ("although the film bored the audience , we never hated the script .", 1),
        ("the film was superb in the cinema , though the script was awful .", 1),
        ("despite the awful script , the film charmed the child .", 1),
        ("the critic denied that the film was superb despite the awful script .", -1),
    ],
)
def test_the_second_route_agrees_with_hand_worked_sentences(text, expected):
    assert judge(text) == expected


def test_the_examples_of_the_book_are_true(project):
    page = (project / "book" / "data" / "built_in_english.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| \w+ \| \*(.*) \.\* \| (positive|negative) \|$", page, re.MULTILINE)
    assert len(rows) == 6
    for text, named in rows:
        assert judge(f"{text} .") == (1 if named == "positive" else -1), text
        assert {*text.split()} <= {*CONCEPT_OF, *FUNCTION_WORDS}


def test_forms_of_one_meaning():
    review = Review(Clause(Thing(CRITIC), PRAISED, Thing(FILM)), concession=Clause(Thing(SCRIPT), AWFUL))
    forms = {" ".join(map(str, review_pattern(review, Random(seed)))) for seed in range(300)}
    actives = {form for form in forms if "praised by" not in form}
    assert "the critic praised the film , although the script was bad ." in actives
    assert "the script was bad , but the critic praised the film ." in actives
    assert len(actives) == len(forms) - len(actives) == 6  # active or passive; but, yet, and twice (al)though


def test_sampled_reviews_have_the_polarity_that_reading_them_gives():
    seen = set()
    for review, text in reviews(3000):
        assert judge(text) == review.polarity
        seen.add(review.polarity)
    assert seen == {1, -1}


def test_swapping_any_word_for_a_synonym_keeps_the_meaning_and_another_word_need_not():
    rng = Random(1)
    swapped = changed = 0
    for review, text in reviews(500):
        words = text.split()
        others = [rng.choice(synonyms(word) or (word,)) for word in words]
        assert meaning(words) == meaning(others)
        assert judge(" ".join(others)) == review.polarity
        swapped += words != others
        opposite = [str(CONCEPTS["bad"][0]) if polarity(word) == 1 else word for word in words]
        changed += judge(" ".join(opposite)) != review.polarity
    assert swapped == 500
    assert changed > 100


def test_wording_prefers_the_common_words_and_uses_rare_ones_only_as_often_as_asked():
    def counts(rare):
        rng = Random(0)
        return Counter(wording([FILM], rng, rare) for _ in range(3000))

    none, some = counts(0.0), counts(0.1)
    assert none["film"] > none["movie"] > none["picture"] > 0 == none["flick"]
    assert 240 < some["flick"] < 360


def test_rewording_keeps_words_as_often_as_asked_and_changes_the_others():
    pattern = ["the", CRITIC, PRAISED, "the", FILM, "."]

    def kept(share):
        rng, words = Random(0), ("pundit", "praised")
        texts = [rewording(pattern, "the pundit praised .", share, rng, 0.1).split() for _ in range(1000)]
        assert {text[4] for text in texts} >= {"film", "movie", "picture"}  # of which nothing was said before
        assert [CONCEPT_OF.get(word, word) for word in texts[0]] == pattern
        return [sum(word in text for text in texts) / 1000 for word in words]

    assert kept(1.0) == [1, 1]
    assert kept(0.0) == [0, 0]
    assert all(0.65 < share < 0.75 for share in kept(0.7))


def test_the_same_seed_gives_the_same_text_and_another_does_not():
    assert list(reviews(20, seed=3)) == list(reviews(20, seed=3))
    assert list(reviews(20, seed=3)) != list(reviews(20, seed=4))


def test_reviews_use_every_concept_of_their_groups():
    used = {part for _, text in reviews(3000) for part in meaning(text.split())}
    concepts = {part for part in used if isinstance(part, Concept)}
    assert concepts == {concept for part in concepts for concept in CONCEPTS[part.group]}
    assert set(FUNCTION_WORDS) - used == {"some", "every", "no", "who", "which", "where", "when", "?"}


# Long reviews


def long_reviews(count: int, seed: int = 0) -> list[dict]:
    rng = Random(seed)
    return [long_review(rng) for _ in range(count)]


def sentences(text: str) -> list[str]:
    return [f"{sentence} ." for sentence in text.removesuffix(" .").split(" . ")]


def judges(sentence: str) -> bool:
    return any(map(polarity, sentence.split()))


def test_every_judgement_has_the_polarity_of_the_label():
    for row in long_reviews(300):
        judged = [judge(sentence) for sentence in sentences(row["text"]) if judges(sentence)]
        assert judged == [1 if row["label"] else -1] * JUDGEMENTS


def test_lengths_labels_and_words_are_as_promised():
    rows = long_reviews(1000)
    lengths = [len(row["text"].split()) for row in rows]
    assert min(lengths) >= 40 and max(lengths) <= 90 and max(lengths) - min(lengths) > 30
    assert 450 < sum(row["label"] for row in rows) < 550
    assert {word for row in rows for word in row["text"].split()} <= {*CONCEPT_OF, *FUNCTION_WORDS}
    assert len({row["text"] for row in rows}) == len(rows)


def test_judgements_stand_anywhere_among_remarks():
    places = Counter()
    for row in long_reviews(500):
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
    found = {judges(sentence) for row in long_reviews(5) for sentence in sentences(row["text"])}
    assert found == {True, False}


def test_negations_and_concessions_stand_under_both_labels():
    for word in ("never", "but", "although", "despite"):
        found = Counter(row["label"] for row in long_reviews(500) if word in row["text"].split())
        assert min(found[0], found[1]) > 25, word


def test_the_same_seed_gives_the_same_reviews_and_another_others():
    assert long_reviews(3) == long_reviews(3) != long_reviews(3, seed=1)


@pytest.fixture(scope="module")
def baselines():
    def examples(count, seed):
        rows = long_reviews(count, seed)
        return Examples(tuple((row["text"],) for row in rows), tuple(row["label"] for row in rows))

    return trivial_baselines(examples(1000, 1), examples(500, 2))


def test_words_alone_do_not_give_the_label_away(baselines):
    assert baselines["majority"] < 0.56
    assert baselines["bag of words"] < 0.6
