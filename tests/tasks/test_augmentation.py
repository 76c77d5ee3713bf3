"""Data augmentation: which words are exchanged, how often, and what happens to pairs and labels."""

import pytest

from bert_compression.errors import BadInput
from bert_compression.tasks import Examples, augmented, words_of

OFFERS = {
    "a good film": [(), ("fine", "great", "nice"), ("movie", "picture")],
    "He isn't 42, is he?": [(), (), (), (), ("she",)],
    "one": [("two",)],
    "three": [("four", "five", "six", "seven")],
}


def test_words_are_runs_of_letters_whatever_stands_between_them():
    assert words_of("He isn't 42, is he?") == ["He", "isn", "t", "is", "he"]
    assert words_of("naïve x2 _a_ Ünder") == ["naïve", "x", "a", "Ünder"]
    assert words_of("") == words_of("42 + 1") == []


def test_all_but_the_words_stays_and_every_candidate_has_its_turn():
    one = Examples((("a good film",),), (1,))
    made = augmented(one, OFFERS.__getitem__, copies=200)
    texts = [text for (text,) in made.texts]
    assert texts[0] == "a good film" and len(set(texts)) == len(texts) == 4 * 3
    assert set(made.labels) == {1} and len(made.labels) == len(made)
    assert {text.split()[1] for text in texts} == {"good", "fine", "great", "nice"}
    again = Examples((("He isn't 42, is he?",),), (0,))
    assert {text for (text,) in augmented(again, OFFERS.__getitem__, 20).texts} == {
        "He isn't 42, is he?",
        "He isn't 42, is she?",
    }


def test_a_word_is_exchanged_with_the_probability_that_was_asked_for():
    many = Examples(tuple(("three",) for _ in range(2000)), tuple([0] * 2000))
    made = augmented(many, OFFERS.__getitem__, copies=1, share=0.3)
    assert (len(made) - 2000) / 2000 == pytest.approx(0.3, abs=0.03)
    assert len(augmented(many, OFFERS.__getitem__, copies=1, share=0.0)) == 2000
    assert len(augmented(many, OFFERS.__getitem__, copies=1, share=1.0)) == 4000


def test_of_a_pair_one_text_is_changed_at_a_time_and_the_first_is_put_back():
    pair = Examples((("one", "three"),), (1.5,))
    made = augmented(pair, OFFERS.__getitem__, copies=30, share=1.0)
    assert made.texts[:2] == (("one", "three"), ("two", "three"))
    assert all(first == "one" for first, _ in made.texts[2:]) and len(made) == 2 + 4
    assert made.labels == (1.5,) * 6


def test_in_the_released_code_the_second_text_stands_beside_the_last_variant_of_the_first():
    pair = Examples((("one", "three"),), (0,))
    made = augmented(pair, OFFERS.__getitem__, copies=30, share=1.0, first_stays_changed=True)
    assert made.texts[:2] == (("one", "three"), ("two", "three"))
    assert all(first == "two" for first, _ in made.texts[1:]) and len(made) == 2 + 4


def test_draws_hang_on_the_seed_and_the_place_alone():
    many = Examples(tuple(("a good film",) for _ in range(9)), tuple([0] * 9))

    def texts(seed=0, examples=many):
        return augmented(examples, OFFERS.__getitem__, 2, seed=seed).texts

    assert texts() == texts() != texts(seed=1)
    first = Examples(many.texts[:1], many.labels[:1])
    assert texts()[: len(texts(examples=first))] == texts(examples=first)
    assert len(set(texts())) > 3  # not the same variants in every place


@pytest.mark.parametrize("given", ["abc", ["fine", "good", "film"], [[1], [2], [3]], [(), (None,), ()]])
def test_candidates_are_lists_of_words(given):
    one = Examples((("a good film",),), (1,))
    with pytest.raises(BadInput, match=r"^candidates must give lists of words, one list a word, not"):
        augmented(one, lambda text: given, copies=1)
