"""The rules of SQuAD 2.0, on cases worked out by hand."""

import pytest

from bert_compression.errors import BadInput
from bert_compression.metrics import answer_f1, exact_match, normalized_answer, squad_scores


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("The cat", "cat"),
        ("a  cat,\tan owl\n", "cat owl"),
        ("U.S.A.", "usa"),
        ("Theatre an Anthem", "theatre anthem"),  # articles are words, not letters
        ("10,000 – or so", "10000 – or so"),  # an en dash is no ASCII punctuation
        ("the", ""),
        ("...", ""),
        ("the-a", "thea"),  # punctuation goes first, so what it joined is no article any more
    ],
)
def test_what_is_compared(text, left):
    assert normalized_answer(text) == left


@pytest.mark.parametrize(
    ("predicted", "answers", "exact", "f1"),
    [
        ("Normans", ["the Normans.", "Norman"], True, 1.0),
        ("Norman people", ["the Normans.", "Norman"], False, 2 / 3),
        ("late 1990s", ["in the late 1990s"], False, 4 / 5),
        ("to be or not to be", ["to be to be"], False, 4 * 2 / 10),  # four words in common, two twice
        ("to to to", ["to"], False, 2 / 4),
        ("Paris", ["London"], False, 0.0),
        ("", [], True, 1.0),
        ("", ["Paris"], False, 0.0),
        ("Paris", [], False, 0.0),
        ("the", [], True, 1.0),  # an article alone is no answer
        ("", ["the"], True, 1.0),  # and no gold answer either: the question counts as having none
        ("Paris", ["the", "Paris"], True, 1.0),
    ],
)
def test_answers_are_right_wrong_or_half_right(predicted, answers, exact, f1):
    assert exact_match(predicted, answers) is exact
    assert answer_f1(predicted, answers) == pytest.approx(f1)


def test_the_order_of_gold_answers_does_not_matter_and_the_best_counts():
    assert answer_f1("a b", ["b c", "b"]) == answer_f1("a b", ["b", "b c"]) == 1.0
    assert answer_f1("x b", ["b c d", "x y"]) == 0.5


def test_a_set_is_scored_as_a_whole_and_by_kind():
    scores = squad_scores(["Paris", "", "", "in London"], [["Paris"], ["Rome"], [], ["London"]])
    assert scores == pytest.approx(
        {
            "exact_match": 0.5,
            "answer_f1": (1 + 0 + 1 + 2 / 3) / 4,
            "answered_f1": (1 + 2 / 3) / 3,
            "refused": 1,
        }
    )
    assert "refused" not in squad_scores(["Paris"], [["Paris"]])
    assert "answered_f1" not in squad_scores(["Paris"], [[]])


@pytest.mark.parametrize(("predicted", "answers"), [([], []), (["a"], []), (["a"], [["a"], ["b"]])])
def test_every_question_has_one_answer(predicted, answers):
    with pytest.raises(BadInput, match=f"^{len(predicted)} predictions for {len(answers)} questions"):
        squad_scores(predicted, answers)
