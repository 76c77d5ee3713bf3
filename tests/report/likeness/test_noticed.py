"""How well foreign questions are noticed, model by model."""

import re

from bert_compression.report.likeness.noticed import outliers_table

METHODS = ("large", "mini", "tiny")


def test_a_line_a_model_and_columns_for_every_set(record):
    def outliers(method, seed, auroc, task, k=50):
        metrics = {"auroc": auroc, "fpr95": 0.5, "flagged": 0.25}
        return record("outliers", method, seed, metrics, task=task, params={"k": k})

    records = [
        outliers("large", 0, 0.8, "films"),
        outliers("large", 1, 0.9, "films"),
        outliers("mini", 0, 0.6, "news"),
        outliers("mini", 0, 0.1, "news", k=5),  # by another neighbour
    ]
    html = outliers_table({"small": records, "this run": []}, METHODS, 50).html
    assert re.findall(r"<th[^>]*colgroup[^>]*>(.*?)</th>", html) == ["small, films", "small, news"]
    rows = [re.findall(r"<td>(.*?)</td>", row) for row in re.findall(r"<tr>(.*?)</tr>", html)]
    assert rows[2:] == [
        ["85.0", "50.0", "25.0", "not run", "not run", "not run"],
        ["not run", "not run", "not run", "60.0", "50.0", "25.0"],
        ["not run"] * 6,
    ]


def test_with_nothing_measured_nothing_breaks():
    assert "Model" in outliers_table({"small": []}, METHODS, 50).html
