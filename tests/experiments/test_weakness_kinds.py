"""The kinds of jobs behind attacks on long reviews: a masked language model, and what two attacks take."""

import json
from dataclasses import replace
from random import Random

import pandas as pd
import pytest
import tiny_profile
from workshop import Workshop

from bert_compression.attacks.masked_lm import load_masked_lm
from bert_compression.experiments.kinds.base import ADVERSARIAL
from bert_compression.experiments.papers import miniature
from bert_compression.experiments.papers.pipelines import masked_lm
from bert_compression.experiments.profiles import PROFILES
from bert_compression.tasks.english.long_reviews import long_review
from bert_compression.tasks.sources import FolderSource

PROFILE = replace(
    tiny_profile.shrunk("smoke"),
    long_length=96,
    attacked_reviews=8,
    masked_lm={**PROFILES["smoke"].masked_lm, "epochs": 1},
)


@pytest.fixture(scope="module")
def house(tmp_path_factory) -> Workshop:
    folder = tmp_path_factory.mktemp("house")
    place = folder / "data" / "sets" / "imdb"
    place.mkdir(parents=True)
    for split, rows, seed in (("train", 300, 0), ("test", 40, 1)):
        rng = Random(seed)
        pd.DataFrame([long_review(rng) for _ in range(rows)]).to_parquet(place / f"{split}.parquet")
    return Workshop(FolderSource(folder / "data"), folder / "store")


def job_of(table, recipe, method="tiny", **settings):
    return next(
        job
        for job in table(PROFILE)
        if (job.params["recipe"], job.method) == (recipe, method)
        and settings.items() <= job.params["settings"].items()
    )


def test_a_head_is_trained_once_for_all_seeds_and_guesses_words(house):
    grid = miniature.grids(replace(PROFILE, seeds=(0, 1)))
    jobs = [masked_lm(each) for each in grid]
    assert len({job.identity for job in jobs}) == 1 and jobs[0].params["task"] == "imdb"
    record = house.record(jobs[0])
    assert 0 < record["metrics"]["final_loss"] < 6 and record["metrics"]["train_examples"] == 300
    assert load_masked_lm(house.place(jobs[0])).config.num_hidden_layers == 12


def test_at_paper_the_encoder_guesses_for_itself():
    job = masked_lm(miniature.grids(PROFILES["paper"])[0])
    assert job.params["encoder"] == "bert-base-uncased" and "split" not in job.params


@pytest.mark.parametrize("recipe", miniature.ATTACKS)
def test_what_an_attack_takes_is_counted_review_by_review(house, recipe):
    job = job_of(miniature.weaknesses, recipe)
    record = house.record(job)
    outcomes, metrics = record["per_example"]["outcomes"], record["metrics"]
    assert len(outcomes) == 8 and ("language_model" in job.inputs) == (recipe == "bert_attack")
    assert metrics["degradation"] == outcomes.count("2") / 8
    assert metrics["clean_accuracy"] - metrics["after_attack_accuracy"] == pytest.approx(
        metrics["degradation"]
    )
    texts = json.loads((house.place(job) / ADVERSARIAL).read_text())
    assert [bool(text) for text in texts] == [outcome == "2" for outcome in outcomes]
    assert max(record["per_example"]["queries"]) > 10


def test_settings_reach_the_attack(house):
    loose = house.record(job_of(miniature.attack_settings, "bert_attack", candidates=48, threshold=0.0))
    tight = house.record(job_of(miniature.attack_settings, "bert_attack", candidates=12))
    assert sum(tight["per_example"]["queries"]) < sum(loose["per_example"]["queries"])


def test_the_grid_attacks_every_model_twice_at_every_seed():
    jobs = miniature.weaknesses(PROFILES["small"])
    assert len({(job.method, job.seed, job.params["recipe"]) for job in jobs}) == len(jobs) == 6 * 2 * 2
    assert {job.params["size"] for job in jobs} == {200}
    assert {job.params["max_length"] for job in jobs} == {128}
    few = miniature.attack_settings(PROFILES["small"])
    assert {job.params["size"] for job in few} == {50} and len(few) == 2 * 4
