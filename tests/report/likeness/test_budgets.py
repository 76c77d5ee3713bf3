"""What an attack leaves within a budget: a line a model and seed, and the words of the picture."""

import pytest

from bert_compression.report.likeness.budgets import budget_picture, budget_table

METHODS = ("large", "tiny")


@pytest.fixture
def attacked(record):
    def build(method, outcomes, queries, seed=0, recipe="textbugger", **others):
        params = {"seed": seed, "split": "test", "recipe": recipe, "settings": {}}
        told = {"outcomes": outcomes, "queries": queries}
        return record("weakness", method, seed, {}, told, params=params, task="imdb", **others)

    return build


def test_each_model_and_seed_falls_as_its_queries_say(attacked, record):
    records = [
        attacked("tiny", "0222", [1, 10, 20, 30]),
        attacked("large", "1222", [200, 50, 60, 100]),
        attacked("large", "1112", [200, 50, 60, 100], seed=1),
        attacked("large", "2222", [1, 1, 1, 1], seed=2, status="failed", error="died"),
        record("attack", "large"),
    ]
    table = budget_table(records, METHODS)
    assert list(dict.fromkeys(table.model)) == ["large", "tiny"]
    found = table.set_index(["model", "seed", "budget"]).accuracy
    assert found["large", 0, 0] == found["large", 1, 50] == 100 and found["tiny", 0, 0] == 75
    assert found["large", 0, 50] == 75 and found["large", 0, 100] == 25 and found["tiny", 0, 50] == 0
    assert found["large", 1, 100] == 75 and ("large", 2, 0) not in found.index
    assert table.budget.max() == 200


def test_the_picture_tells_the_mean_over_seeds_and_nothing_breaks_where_there_is_none(attacked):
    records = [
        attacked("large", "1222", [200, 50, 60, 100]),
        attacked("large", "1112", [200, 50, 60, 100], seed=1),
        attacked("tiny", "1222", [100, 50, 60, 100], recipe="bert_attack"),
    ]
    tables = {"small": budget_table(records, METHODS), "run": budget_table([], METHODS)}
    words = budget_picture(tables).text
    assert "TextBugger on large: 100 at 0, 88 at 50, 50 at 100, 50 at 200;" in words
    assert "BERT-ATTACK on tiny: 100 at 0, 75 at 50, 25 at 100, 25 at 200." in words
    assert words.endswith("Panel “run”: nothing yet.")
    assert "nothing yet" in budget_picture({"run": budget_table([], METHODS)}).text
