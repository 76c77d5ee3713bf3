"""Passages with questions: one statement answers or none does; reading tells, and counting words does not."""

from collections import Counter
from itertools import combinations
from random import Random

import pytest
from reading import read, read_question, table_of_the_page

from bert_compression.smoke.language import Thing, part_of_speech
from bert_compression.smoke.passages import SIZES, Reading, can_join, is_clear_whom, sample_reading
from bert_compression.smoke.questions import SLOTS, answers
from bert_compression.smoke.statements import EVERYDAY, NEUTRAL, TOPICS, label
from bert_compression.tasks.baselines import trivial_baselines
from bert_compression.tasks.examples import Examples


def sampled(
    count: int, seed: int, topics=TOPICS, answerable: float = 0.6, plain: float = 0.3
) -> list[Reading]:
    rng = Random(seed)
    return [
        sample_reading(rng, rng.choice(topics), rng.random() < answerable, rng.random() < plain, rare=0.02)
        for _ in range(count)
    ]


def sentences(context: str) -> list[str]:
    return [f"{each} ." for each in context.removesuffix(" .").split(" . ")]


def words_of(reading: Reading) -> str:
    """The answer, or nothing."""
    return " ".join(reading.context.split()[reading.span[0] : reading.span[1] + 1]) if reading.span else ""


@pytest.mark.parametrize(
    ("statement", "passage", "expected"),
    [
        ("the dog was wet .", [], True),
        ("the audience loved the film .", [], False),  # the language does not know what an audience is
        ("the animal was wet .", [], False),
        ("the dog was wet .", ["the dog was hungry ."], True),
        ("the dog was wet .", ["the hen was wet ."], True),
        ("the dog was wet .", ["the dog was soaked in the garden ."], False),
        ("the dog was wet .", ["the dog was never dry ."], False),
        ("the dog was wet .", ["the big dog was hungry ."], False),
        ("the dog chased the cat .", ["the cat chased the dog ."], True),
        ("the dog chased the cat .", ["the cat was never pursued by the hound ."], False),
    ],
)
def test_what_can_join_a_passage_by_hand(statement, passage, expected):
    assert can_join(read(statement), [read(each) for each in passage]) == expected


@pytest.mark.parametrize(
    ("question", "passage", "expected"),
    [
        ("where was the dog wet ?", ["the dog was wet ."], True),
        ("where was the dog wet ?", ["the cat was wet ."], True),  # it means somebody who is not there
        ("where was the bird wet ?", ["the hen was wet ."], True),
        ("where was the bird wet ?", ["the hen was wet .", "the pigeon was dry ."], False),
        ("where was the big dog wet ?", ["the dog was wet ."], False),
        ("where was the dog wet ?", ["the big dog was wet ."], True),
        ("which bird was wet ?", ["the hen was wet .", "the pigeon was dry ."], True),  # that is asked for
        ("which animal chased the bird ?", ["the dog chased the hen .", "the crow was wet ."], False),
    ],
)
def test_whether_it_is_clear_whom_a_question_means_by_hand(question, passage, expected):
    assert is_clear_whom(read_question(question), [read(each) for each in passage]) == expected


def test_the_examples_of_the_book_are_true(project):
    rows = table_of_the_page(project, "tab-passages")
    assert {answer == "none" for *_, answer in rows} == {True, False}
    for _, context, asked, answer in rows:
        told = [each for each in sentences(context) if answers(read(each), read_question(asked))]
        assert len(told) == (answer != "none") and (not told or answer in told[0]), context
        assert is_clear_whom(read_question(asked), [read(each) for each in sentences(context)])


def test_one_statement_answers_with_the_words_at_the_span_or_none_does():
    seen = Counter()
    for reading in sampled(800, seed=0):
        passage = [read(each) for each in sentences(reading.context)]
        question = read_question(reading.question)
        found = [at for at, statement in enumerate(passage) if answers(statement, question)]
        assert len(found) == (reading.span is not None), reading
        if found:
            told = getattr(passage[found[0]], SLOTS[question.asked])
            concept = told.noun if isinstance(told, Thing) else told
            article, *quality, noun = words_of(reading).split()
            assert article == "the" and noun in concept.words
            assert len(quality) == (isinstance(told, Thing) and told.quality is not None)
            before = reading.context.split()[: reading.span[0]]
            assert before.count(".") == found[0]  # in that statement, and in no other
        seen[question.asked, bool(found)] += 1
    assert {asked for asked, _ in seen} == {"subject", "patient", "place", "time"}
    assert len(seen) == 8 and min(seen.values()) > 15


def test_statements_of_a_passage_are_true_together_and_none_follows_from_another():
    several = 0
    for reading in sampled(400, seed=1):
        passage = [read(each) for each in sentences(reading.context)]
        assert {statement.quantifier for statement in passage} == {"the"}
        for one, other in combinations(passage, 2):
            assert label(one, other) == label(other, one) == NEUTRAL, reading
            several += 1
    assert several > 1000


def test_passages_are_of_all_sizes_and_only_the_longest_take_several_windows():
    readings = sampled(1500, seed=2, plain=0)
    sizes = Counter(len(sentences(reading.context)) for reading in readings)
    for size, weight in SIZES.items():
        assert abs(sizes[size] / 1500 - weight / sum(SIZES.values())) < 0.04
    lengths = [len(f"{reading.question} {reading.context}".split()) for reading in readings]
    assert 0.03 < sum(length > 61 for length in lengths) / 1500 < 0.15


def best_overlap(reading: Reading) -> tuple[float, str]:
    """Without order and meaning: the statement that shares most words with the question, how many of these it
    holds, and the thing, place or time in it that the question does not name."""
    asked = set(reading.question.split()) - {"the", "was", "by", "?"}
    told = max(sentences(reading.context), key=lambda each: len(asked & set(each.split())))
    words = told.split()
    things: dict[str, list[str]] = {"in": [], "during": [], "": []}  # by what stands before them
    for at, word in enumerate(words):
        if word == "the":
            end = next(i for i in range(at + 1, len(words)) if part_of_speech(words[i]) == "noun")
            before = words[at - 1] if at and words[at - 1] in things else ""
            things[before].append(" ".join(words[at : end + 1]))
    wanted = {"where": "in", "when": "during"}.get(reading.question.split()[0], "")
    guess = min(things[wanted] or things[""], key=lambda each: len(asked & set(each.split())))
    return len(asked & set(words)) / len(asked), guess


def test_no_trivial_rule_answers_much_more_than_always_none_does(capsys):
    """Counting shared words, with the best threshold in hindsight for giving no answer."""
    readings = sampled(1500, seed=3, topics=EVERYDAY, plain=0)
    none = [reading.span is None for reading in readings]
    found = [best_overlap(reading) for reading in readings]
    right = [guess == words_of(each) for (_, guess), each in zip(found, readings, strict=True)]
    by_threshold = {}
    for threshold in sorted({share for share, _ in found}):
        given = [share >= threshold for share, _ in found]
        hits = [r if g else n for r, g, n in zip(right, given, none, strict=True)]
        by_threshold[threshold] = sum(hits) / 1500
    with capsys.disabled():
        print(
            f"\nalways none {sum(none) / 1500:.1%}, word overlap {sum(right) / 1500:.1%}, "
            f"with the best threshold {max(by_threshold.values()):.1%}"
        )
    assert abs(sum(none) / 1500 - 0.4) < 0.04
    assert 0.1 < sum(right) / 1500 < 0.55  # a rule that never hits would prove nothing
    assert max(by_threshold.values()) < 0.55


def test_words_alone_hardly_tell_whether_there_is_an_answer(capsys):
    def part(seed: int) -> Examples:
        readings = sampled(1000, seed, topics=EVERYDAY, plain=0)
        texts = tuple((reading.context, reading.question) for reading in readings)
        return Examples(texts, tuple(int(reading.span is not None) for reading in readings))

    baselines = trivial_baselines(part(4), part(5))
    with capsys.disabled():
        print("\nanswerable or not:", ", ".join(f"{name} {share:.1%}" for name, share in baselines.items()))
    assert baselines["hypothesis only"] < 0.68  # here: the question only
    assert baselines["bag of words"] < 0.72


def test_the_same_seed_gives_the_same_reading_and_another_one_another():
    assert sampled(5, seed=6) == sampled(5, seed=6) != sampled(5, seed=7)
