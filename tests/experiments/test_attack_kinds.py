"""The kinds of jobs behind attacks on long reviews: a masked language model, and what two attacks take."""

import json
from dataclasses import replace
from random import Random

import pandas as pd
import pytest
import tiny_profile
from workshop import Workshop

from bert_compression.attacks import load_masked_lm
from bert_compression.experiments import PROFILES, Grid, steps
from bert_compression.experiments.kinds.attack import ADVERSARIAL
from bert_compression.papers.miniature import tables as miniature
from bert_compression.smoke.language import long_review
from bert_compression.tasks import FolderSource, get_task

PROFILE = replace(tiny_profile.shrunk("smoke"), long_length=96)


@pytest.fixture(scope="module", autouse=True)
def sizes():
    """Small ones."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        smoke = miniature.SIZES["smoke"]
        once = {**smoke.masked_lm, "epochs": 1}
        monkeypatch.setitem(miniature.SIZES, "smoke", replace(smoke, reviews=8, masked_lm=once))
        yield


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
        for job in table.jobs(PROFILE)
        if (job.params["recipe"], job.method) == (recipe, method)
        and settings.items() <= job.params["settings"].items()
    )


def test_a_head_is_trained_once_for_all_seeds_and_guesses_words(house):
    text = [Grid(PROFILE, get_task("imdb"), seed) for seed in (0, 1)]
    jobs = [steps.masked_lm(g, g.train_size, miniature.sizes(g).masked_lm) for g in text]
    assert len({job.identity for job in jobs}) == 1 and jobs[0].params["task"] == "imdb"
    record = house.record(jobs[0])
    assert 0 < record["metrics"]["final_loss"] < 6 and record["metrics"]["train_examples"] == 300
    assert load_masked_lm(house.place(jobs[0])).config.num_hidden_layers == 12


def test_at_paper_the_encoder_guesses_for_itself():
    g = Grid(PROFILES["paper"], get_task("imdb"), 0)
    job = steps.masked_lm(g, g.train_size, miniature.sizes(g).masked_lm)
    assert job.params["encoder"] == "bert-base-uncased" and "split" not in job.params


@pytest.mark.parametrize("recipe", miniature.ATTACKS)
def test_what_an_attack_takes_is_counted_review_by_review(house, recipe):
    job = job_of(miniature.WEAKNESSES, recipe)
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
    loose = house.record(job_of(miniature.ATTACK_SETTINGS, "bert_attack", candidates=48, threshold=0.0))
    tight = house.record(job_of(miniature.ATTACK_SETTINGS, "bert_attack", candidates=12))
    assert sum(tight["per_example"]["queries"]) < sum(loose["per_example"]["queries"])


def test_the_grid_attacks_every_model_twice_at_every_seed():
    jobs = tiny_profile.jobs_of("miniature", "weaknesses")
    assert len({(job.method, job.seed, job.params["recipe"]) for job in jobs}) == len(jobs) == 6 * 2 * 2
    assert {job.params["size"] for job in jobs} == {200}
    assert {job.params["max_length"] for job in jobs} == {128}
    few = tiny_profile.jobs_of("miniature", "attack_settings")
    assert {job.params["size"] for job in few} == {50} and len(few) == 2 * 4
