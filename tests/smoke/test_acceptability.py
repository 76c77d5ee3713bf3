"""Sound and spoilt sentences: that nothing sound is refused, and that nobody says what counts as spoilt."""

from collections import Counter
from random import Random

import pytest
from reading import concepts, read, read_question, table_of_the_page

from bert_compression.smoke import acceptability
from bert_compression.smoke.acceptability import is_acceptable, sample_sentence, spoilt
from bert_compression.smoke.language import wording
from bert_compression.smoke.lexicon import Concept, synonyms
from bert_compression.smoke.questions import question_pattern, sample_question
from bert_compression.smoke.statements import TOPICS, sample_statement, statement_pattern


def judge(text: str) -> bool:
    return is_acceptable([*concepts(text), text[-1]])


@pytest.mark.parametrize(
    "text",
    [
        "the big dog chased the cat in the garden .",
        "not every hen was never wet .",  # a double negation is heavy, but sound
        "the cat was never chased by the dog during the night .",
        "where was the cat chased by the dog ?",
        "which animal was the big cat chased by in the garden ?",
        # what only a generous reader accepts
        "bread was hot .",
        "the old chased the cat .",
        "the cat was .",
        "the cat was by the dog .",
        "the cat chased by the dog was hungry .",
        "the dog never was wet .",
        "the cat the dog chased .",
        "hungry the dog was .",
        "the soup heated .",
        "the cat chased by the dog .",
        "was the dog wet .",
        "chased the cat ?",
        "which was wet ?",
        "was the dog hungry where ?",
        "the farmer doctor chased the cat .",
    ],
)
def test_what_a_generous_reader_accepts(text):
    assert judge(text)


@pytest.mark.parametrize(
    "text",
    [
        # order
        "dog the was wet .",
        "the dog big was wet .",
        "chased the dog the cat .",
        "the dog hungry was .",
        "the dog chased never the cat .",
        "the dog was wet the garden in .",
        "where the dog was wet ?",
        "who the cat was chased by ?",
        "which dog the chased cat ?",
        # missing
        "dog was wet .",
        "the was wet .",
        "the dog the cat .",
        "the dog asleep .",
        "the cat was chased the dog .",
        "the dog was wet the garden .",
        "who was the cat chased ?",
        "where the dog asleep ?",
        # extra
        "the the dog was wet .",
        "the every dog was wet .",
        "the dog was was wet .",
        "the dog was chased the cat .",
        "the dog by chased the cat .",
        "the dog was in wet .",
        "was the dog was wet ?",
    ],
)
def test_what_nobody_says(text):
    assert not judge(text)


def test_the_examples_of_the_book_are_true(project):
    rows = table_of_the_page(project, "tab-spoilt")
    assert Counter(row[0] for row in rows).keys() == {"none", *acceptability.EDITS}
    for edit, text, named in rows:
        assert named == ("acceptable" if edit == "none" else "unacceptable")
        assert judge(text) == (named == "acceptable"), text


def sentences(count: int, acceptable: bool, seed: int = 0):
    """Sampled sentences as patterns."""
    rng = Random(seed)
    for _ in range(count):
        yield sample_sentence(rng, rng.choice(TOPICS), acceptable, plain=rng.random() < 0.2)


def test_whatever_the_grammar_makes_is_accepted():
    rng = Random(1)
    for _ in range(3000):
        topic = rng.choice(TOPICS)
        statement = sample_statement(rng, topic, rng.random() < 0.5)
        assert is_acceptable(statement_pattern(statement, rng)), statement
        question, _ = sample_question(rng, topic)
        assert is_acceptable(question_pattern(question, rng)), question
    assert all(map(is_acceptable, sentences(500, acceptable=True)))


def has_a_meaning(text: str) -> bool:
    """The second route: can it be read, and is what was read ever said like that?"""
    read_it, say = (read_question, question_pattern) if text[-1] == "?" else (read, statement_pattern)
    try:
        meaning = read_it(text)
        return [*concepts(text), text[-1]] in [say(meaning, Random(seed)) for seed in range(50)]
    except (AssertionError, AttributeError, IndexError, TypeError, ValueError):
        return False


def test_a_spoilt_sentence_has_no_meaning_and_a_sound_one_has():
    for acceptable in (True, False):
        for pattern in sentences(1000, acceptable):
            text = wording(pattern, Random(0))
            assert judge(text) == has_a_meaning(text) == acceptable, text


def test_a_sentence_is_spoilt_by_one_edit_of_any_kind():
    rng, kinds = Random(2), Counter()
    for pattern in sentences(1000, acceptable=True):
        edited = spoilt(pattern, rng)
        before, after = Counter(pattern), Counter(edited)
        assert edited[-1] == pattern[-1] and edited != pattern
        assert (before - after).total() <= 1 and (after - before).total() <= 1
        kinds[len(edited) - len(pattern)] += 1
        if len(edited) == len(pattern):
            assert before == after
            assert any(
                pattern[:at] + pattern[at + 1 :] == edited[:to] + edited[to + 1 :] and abs(at - to) <= 3
                for at in range(len(pattern))
                for to in range(len(pattern))
            )
    assert kinds.keys() == {0, -1, 1} and min(kinds.values()) > 100


def test_the_word_does_not_matter_but_its_class_does():
    rng = Random(3)
    for acceptable in (True, False):
        for pattern in sentences(200, acceptable):
            words = wording(pattern, rng).split()
            swapped = " ".join(rng.choice(synonyms(word) or (word,)) for word in words)
            assert judge(swapped) == acceptable
    assert judge("bread was hot .") and not judge("dog was hot .")
    assert judge("the soup hot .") and not judge("the soup cold .")  # "heated" is a synonym of "hot"


def test_plain_sentences_are_simple_statements():
    rng = Random(4)
    for _ in range(200):
        pattern = sample_sentence(rng, rng.choice(TOPICS), acceptable=True, plain=True)
        assert pattern[-1] == "." and not {"every", "some", "no", "in", "during"} & set(pattern)
        assert sum(isinstance(part, Concept) for part in pattern) <= 3
