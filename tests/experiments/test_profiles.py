"""Profiles: three sizes of the same thing, and what may be changed of them."""

import math
from dataclasses import replace

import pytest

from bert_compression.compression import replacement_rate
from bert_compression.errors import BadInput
from bert_compression.experiments.papers.loyalty import APPENDIX_A, METHODS
from bert_compression.experiments.papers.pipelines import STUDENTS, Grid, model_of
from bert_compression.experiments.profiles import PROFILES, get_profile
from bert_compression.tasks.catalogue import TASKS, get_task


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
    assert small.train_size["sst2"] >= 20_000 and small.train_size["mnli"] >= 8_000
    assert small.attacked >= 400 and len(small.seeds) >= 3


def test_every_profile_knows_every_task():
    assert all(profile.train_size.keys() == TASKS.keys() for profile in PROFILES.values())


def test_the_papers_own_settings_hold_at_profile_paper_alone():
    paper = get_profile("paper")
    assert paper.training == paper.pretraining == {} and paper.curriculum.keys() == {"epochs"}
    assert set(paper.train_size.values()) == {None} and paper.attacked is None
    assert paper.checkpoints.keys() == {"distilbert", "tinybert", *STUDENTS}
    assert paper.combined_seeds == len(paper.seeds) == 3
    for other in (get_profile("smoke"), get_profile("small")):
        assert other.training.keys() == {"learning_rate", "batch_size", "warmup"}
        assert other.checkpoints == {} and other.pretraining.keys() > other.training.keys()
        assert 1 <= other.combined_seeds <= len(other.seeds)


@pytest.mark.parametrize("name", PROFILES)
@pytest.mark.parametrize("method", ["theseus", "theseus_kd"])
def test_all_modules_are_replaced_before_their_training_ends(name, method):
    """After that, Xu et al. 2020 (section 3.3) fine-tune the successors on, as they will be used."""
    grid = Grid(METHODS, APPENDIX_A, get_profile(name), get_task("mnli"), seed=0)
    params = model_of(grid, method).params
    examples = params["size"] or get_task("mnli").rows["train"]
    steps = params["epochs"] * math.ceil(examples / params["batch_size"])
    assert replacement_rate(0, params["k"], params["b"]) == 0.5
    assert replacement_rate(round(0.9 * steps), params["k"], params["b"]) == 1.0


def test_seeds_and_attacked_texts_can_be_chosen_and_nothing_else_changes():
    small = get_profile("small")
    two = replace(small, seeds=(0, 1), combined_seeds=2, attacked=7)
    assert get_profile("small", seeds=2, attacked=7) == two
    assert get_profile("small", seeds=5).seeds == (0, 1, 2, 3, 4)
    assert get_profile("small", attacked=7) == replace(small, attacked=7)
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
