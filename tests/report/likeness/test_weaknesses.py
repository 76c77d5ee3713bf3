"""Attacks on reviews: which records, how much more one model loses, arrows from before to after."""

import pytest

from bert_compression.errors import Failure
from bert_compression.report.likeness.weaknesses import (
    between_seeds,
    degradation_picture,
    degradation_table,
    loses_more,
    of_recipe,
)

METHODS = ("large", "tiny")


@pytest.fixture
def attacked(record):
    def build(method, outcomes, seed=0, recipe="textbugger", repeat=40, **settings):
        count = {digit: outcomes.count(digit) / len(outcomes) for digit in "012"}
        metrics = {"clean_accuracy": 1 - count["0"], "after_attack_accuracy": count["1"]}
        params = {"seed": seed, "split": "test", "recipe": recipe, "settings": settings}
        told = {"outcomes": outcomes * repeat}
        return record("weakness", method, seed, metrics, told, params=params, task="imdb")

    return build


def test_how_much_more_a_model_loses_is_measured_on_what_it_had(attacked):
    records = [
        *(attacked("large", "1112"), attacked("tiny", "0012")),
        *(attacked("large", "1122", seed=1), attacked("tiny", "0222", seed=1)),
    ]
    effect, low, high, seeds, texts = loses_more(records, "tiny", "large")
    assert effect == pytest.approx(100 * ((1 / 2 - 1 / 4) + (1 - 1 / 2)) / 2)
    assert low < effect < high and (seeds, texts) == (2, 160)
    assert loses_more(records, "large", "tiny")[0] == pytest.approx(-effect)
    with pytest.raises(Failure, match="records are missing"):
        loses_more(records[:1], "tiny", "large")


def test_the_largest_models_seeds_are_held_against_the_other_models(attacked):
    def lost(method, share, seed):
        made = attacked(method, "12", seed=seed)
        return made | {"metrics": {"relative_degradation": share}}

    seeds = [lost("large", 0.5, 1), lost("large", 0.75, 0)]
    small = [lost("tiny", 0.7, 0), lost("tiny", 0.8, 1), lost("mini", 0.625, 0)]
    assert between_seeds([*small, *seeds], ("large", "mini", "tiny")).text == (
        "TextBugger takes 75.0 and 50.0 % of the accuracy of large, seed by seed: 25.0 points apart. "
        "Farthest from its mean is tiny, by 12.5 points."
    )
    for missing in (seeds, [*small, seeds[0]], []):
        assert "not been attacked yet" in between_seeds(missing, ("large", "mini", "tiny")).text


def test_attacks_are_told_apart(attacked, record):
    records = [
        attacked("large", "12"),
        attacked("large", "11", recipe="bert_attack", candidates=48, threshold=0.0, subwords=True),
        record("attack", "large"),
    ]
    assert of_recipe(records, "textbugger") == records[:1]
    table = degradation_table(records, METHODS)
    assert set(table.settings) == {"", "K = 48, threshold 0, sub-words on"}


def test_arrows_lead_from_before_to_after_the_largest_first(attacked):
    records = [
        attacked("tiny", "0122"),
        attacked("large", "1112"),
        attacked("large", "1111"),
    ]
    table = degradation_table(records, METHODS)
    assert table.model.tolist() == ["large", "tiny"]
    words = degradation_picture({"small": table}, "model").text
    assert "Panel “small, TextBugger”: large 100 to 88, tiny 75 to 25." in words
    assert degradation_picture({"small": degradation_table([], METHODS)}, "model").text.endswith(
        "Nothing yet."
    )
