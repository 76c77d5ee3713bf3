"""Profiles: three sizes of the same thing, and what may be changed of them."""

import pytest

from bert_compression.errors import BadInput
from bert_compression.experiments.profiles import PROFILES, get_profile


def test_the_three_profiles_differ_in_size_and_encoder():
    assert list(PROFILES) == ["smoke", "small", "paper"]
    assert all(get_profile(name).name == name for name in PROFILES)
    assert [profile.encoder for profile in PROFILES.values()] == [
        "builtin-bert",
        "all-MiniLM-L6-v2",
        "bert-base-uncased",
    ]
    assert [profile.builtin_data for profile in PROFILES.values()] == [True, False, False]


def test_small_is_large_enough_to_be_evidence():
    small = get_profile("small")
    assert small.train_size >= 20_000 and small.attacked >= 400 and len(small.seeds) >= 3


def test_seeds_and_attacked_texts_can_be_chosen_and_nothing_else_changes():
    from dataclasses import replace

    small = get_profile("small")
    assert get_profile("small", seeds=2, attacked=7) == replace(small, seeds=(0, 1), attacked=7)
    assert get_profile("small", seeds=5).seeds == (0, 1, 2, 3, 4)
    assert get_profile("small") == small != get_profile("small", attacked=7)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("huge",), "unknown profile 'huge': choose one of smoke, small, paper"),
        (("smoke", 0), "seeds must be at least 1, not 0"),
        (("smoke", None, -3), "attacked must be at least 1, not -3"),
    ],
)
def test_what_cannot_be_is_refused(arguments, message):
    with pytest.raises(BadInput) as refused:
        get_profile(*arguments)
    assert str(refused.value) == message
