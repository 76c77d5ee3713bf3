"""Profiles: three sizes of the same thing, and what may be changed of them."""

import math
from dataclasses import replace

import pytest
from tiny_profile import grid, model_of

from bert_compression.compression import replacement_rate
from bert_compression.errors import BadInput
from bert_compression.experiments import PROFILES, get_profile
from bert_compression.papers.loyalty import recipes
from bert_compression.papers.miniature import tables as miniature
from bert_compression.papers.taylor import tables as taylor
from bert_compression.tasks import TASKS, get_task


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
    paper, sizes = get_profile("paper"), recipes.SIZES["paper"]
    assert paper.training == sizes.task_agnostic == {} and sizes.theseus_epochs == 10
    assert set(paper.train_size.values()) == {None} and paper.attacked is None
    assert sizes.checkpoints.keys() == {"distilbert", "tinybert"}
    assert taylor.CHECKPOINTS["paper"].keys() == taylor.STUDENTS.keys()
    assert paper.few_seeds == len(paper.seeds) == 3
    for name in ("smoke", "small"):
        other, sizes = get_profile(name), recipes.SIZES[name]
        assert other.training.keys() == {"learning_rate", "batch_size", "warmup"}
        assert sizes.checkpoints == {} and sizes.task_agnostic.keys() > other.training.keys()
        assert 1 <= other.few_seeds <= len(other.seeds)


def test_every_paper_has_sizes_for_every_profile():
    assert recipes.SIZES.keys() == miniature.SIZES.keys() == PROFILES.keys()


def test_the_precision_is_decided_by_the_machine_only_where_a_profile_leaves_it_open():
    assert get_profile("small").at_precision("bf16").precision == "bf16"
    assert get_profile("small").here().precision in ("bf16", "fp32")
    for name, precision in (("smoke", "fp32"), ("paper", "bf16")):
        assert get_profile(name).precision == precision
        assert get_profile(name).at_precision("other") == get_profile(name).here() == get_profile(name)


@pytest.mark.parametrize("name", PROFILES)
@pytest.mark.parametrize("method", ["theseus", "theseus_kd"])
def test_all_modules_are_replaced_before_their_training_ends(name, method):
    """After that, Xu et al. 2020 (section 3.3) fine-tune the successors on, as they will be used."""
    params = model_of(grid(name), method).params
    examples = params["size"] or get_task("mnli").rows["train"]
    steps = params["epochs"] * math.ceil(examples / params["batch_size"])
    assert replacement_rate(0, params["k"], params["b"]) == 0.5
    assert replacement_rate(round(0.9 * steps), params["k"], params["b"]) == 1.0


def test_seeds_and_attacked_texts_can_be_chosen_and_nothing_else_changes():
    small = get_profile("small")
    two = replace(small, seeds=(0, 1), few_seeds=2, attacked=7)
    assert get_profile("small", seeds=2, attacked=7) == two
    assert get_profile("small", seeds=5).seeds == (0, 1, 2, 3, 4)
    assert get_profile("small", attacked=7) == replace(small, attacked=7)
    assert get_profile("small") == small != get_profile("small", attacked=7)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("huge",), "unknown profile 'huge': choose one of smoke, small, paper"),
        (("smoke", 0), "seeds must be from 1 to 10,000, not 0"),
        (("smoke", None, -3), "attacked must be from 1 to 10,000, not -3"),
    ],
)
def test_what_cannot_be_is_refused(arguments, message):
    with pytest.raises(BadInput) as refused:
        get_profile(*arguments)
    assert str(refused.value) == message
