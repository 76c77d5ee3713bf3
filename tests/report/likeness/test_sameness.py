"""All measures at once: the table that can be sorted, and its figure."""

import re

import pytest

from bert_compression.report.likeness.sameness import ranks, sameness_picture
from bert_compression.report.papers.miniature_tables import ALIKE, SAME_MODEL
from bert_compression.report.side_by_side import side_by_side
from bert_compression.report.tables import measured

LIKENESS = {"kd": 0.8, "pkd": 0.9, "other_seed": 0.85}


@pytest.fixture
def records(record):
    """Three models by two measures of likeness, and the teacher by what it is worth in use."""

    def on_mnli(kind, method, metrics):
        params = {"seed": 0, "split": "validation_matched"}
        return record(kind, method, 0, metrics, task="mnli", params=params)

    found = [on_mnli("predict", "teacher", {"accuracy": 0.75})]
    for method, value in LIKENESS.items():
        shared = {"error_jaccard": value - 0.3, "error_jaccard_chance": 0.1, "outlier_jaccard": 0.5}
        found += [on_mnli("loyalty", method, {"label_loyalty": value}), on_mnli("in_common", method, shared)]
    return found


def test_models_are_ranked_by_the_measures_that_all_of_them_have(records):
    table = measured(records, SAME_MODEL)
    assert ranks(table, ALIKE).to_dict() == {"pkd": pytest.approx(3.5 / 3), "kd": pytest.approx(5.5 / 3)}
    without = [r for r in records if (r["kind"], r["method"]) != ("loyalty", "pkd")]
    assert ranks(measured(without, SAME_MODEL), ["label_loyalty", "outlier_jaccard"]).to_dict() == {
        "kd": 1.5,
        "pkd": 1.5,
    }
    assert len(ranks(measured([], SAME_MODEL), ALIKE)) == 0


def test_the_other_seed_shows_what_the_teacher_is_worth_and_its_own_likeness(records):
    table = measured(records, SAME_MODEL)
    assert table.loc[("other_seed", "accuracy")].value == 75
    assert table.loc[("other_seed", "label_loyalty")].value == 85
    assert table.loc[("kd", "accuracy")].text == "not run"


def test_chance_stands_in_the_cell_and_the_table_has_one_head(records):
    html = side_by_side({"small": records}, "all", SAME_MODEL, sortable=True).html
    assert "bc-sortable" in html and html.count("<thead>") == 1
    (head,) = re.findall(r"<thead>(.*?)</thead>", html)
    assert head.count("<tr>") == 1 and head.count("<th") == 1 + len(SAME_MODEL.measures)
    assert html.count("chance 10.0") == len(LIKENESS)
    assert "bc-sortable" not in side_by_side({"small": records}, "all", SAME_MODEL).html.split("</style>")[1]


def test_the_picture_says_who_is_alike_in_order(records):
    words = sameness_picture({"small": records, "this run": []}, SAME_MODEL, ALIKE).text
    told = re.findall(r"; ([^:;]+): label loyalty", words)
    assert told == ["Teacher, another seed", "BERT-PKD", "Pure KD"]
    assert sameness_picture({"this run": []}, SAME_MODEL, ALIKE).text.endswith("Nothing yet.")
