"""The ledger and the explorer: all claims, and all numbers, each on one page."""

import json
import re
from dataclasses import replace
from html import unescape

import pytest
from made_records import attack_record, cell_record, source_of

from bert_compression.papers.loyalty import TABLE_1, TABLE_3
from bert_compression.report import count_by_paper, explorer, families, judge, ledger, not_found, unasked
from bert_compression.report.claims import Claim
from bert_compression.report.verdicts import entries

CLAIMS = [
    Claim("robust_kd", "A <b> is robust.", "section 1", TABLE_3, "after_attack_accuracy", "kd", "teacher"),
    Claim("other", "Another.", "Table 3", TABLE_3, "after_attack_accuracy", "q8_qat", "teacher"),
    Claim(
        "robust_prune", "A <b> is robust.", "section 1", TABLE_3, "after_attack_accuracy", "head_prune", "kd"
    ),
    Claim("robust_mnli", "A <b> is robust.", "section 2", TABLE_1, "after_attack_accuracy", "kd", "teacher"),
]


@pytest.fixture(scope="module")
def judged():
    outcomes = {"teacher": "1222", "kd": "1122", "head_prune": "1122"}
    return judge(source_of([attack_record(TABLE_3, m, o) for m, o in outcomes.items()]), CLAIMS)


def test_a_sentence_is_one_entry_a_table_wherever_its_comparisons_stand(judged):
    found = entries(judged)
    assert [(entry.name, entry.table, len(entry.judgements)) for entry in found] == [
        ("robust_kd", TABLE_3, 2),
        ("other", TABLE_3, 1),
        ("robust_mnli", TABLE_1, 1),
    ]
    assert [entry.verdict for entry in found] == ["undecided", "not attempted", "not attempted"]


def test_a_line_of_the_ledger_can_be_filtered_linked_and_read_aloud(judged):
    html = ledger({"The paper": judged}, {TABLE_3: "loyalty/page.html"}).html
    lines = re.findall(r"<details [^>]*>", html)
    assert lines[0] == (
        '<details class="bc-entry" id="sentence-robust_kd" data-paper="The paper" data-verdict="undecided" '
        'data-methods="[&quot;KD&quot;, &quot;Teacher&quot;, &quot;Head Prune&quot;]">'
    )
    assert "A &lt;b&gt; is robust." in html and "<b>" not in html
    assert '<a href="loyalty/page.html">Table 3</a>' in html and html.count('href="loyalty/page.html"') == 2
    assert html.count('href="#ledger-rule"') == html.count("/papers/loyalty/claims.py</code></a>") == 3
    assert all(html.count(f'id="claim-{claim.name}"') == 1 for claim in CLAIMS)
    assert html.count("<style>") == 1 and html.count("<table") == 3


def test_what_was_not_reproduced_is_listed_with_what_speaks_against_it(judged):
    against = [replace(judged[0], verdict="opposite"), replace(judged[2], verdict="reproduced")]
    found = not_found({"The paper": [*against, replace(judged[1], verdict="smaller")]})
    assert found.text.splitlines()[0].endswith("A <b> is robust.") and len(found.text.splitlines()) == 2
    assert 'href="#sentence-robust_kd"' in found.html and "Table 3: 1 of 2" in found.html
    assert not_found({"The paper": judged}).text == ""


def test_the_ledger_counts_by_paper(judged):
    told = str(count_by_paper({"One": judged[:1], "Other": judged[1:2]}))
    assert told == (
        "- One: 1 claim: 1 undecided. 1 comparison: 1 undecided.\n"
        "- Other: 1 claim: 1 not attempted. 1 comparison: 1 not attempted."
    )
    mine = replace(judged[0], claim=replace(judged[0].claim, where="ours: nobody asks"))
    assert str(count_by_paper({"One": [mine, judged[1]]})) == (
        "- One: 1 claim: 1 not attempted. 1 comparison: 1 not attempted. Of ours: 1 claim: 1 undecided. "
        "1 comparison: 1 undecided."
    )


def test_the_families_of_comparisons_that_are_corrected_together_are_counted(judged):
    assert str(families({"The paper": judged})) == "No table has such a comparison yet."
    decided = [replace(each, p_value=0.5) for each in judged]
    told = str(families({"One": decided[:3], "Other": decided[3:]}))
    assert told.startswith("2 tables have such comparisons, from 1 to 3 of them. Each has a chance of")


def test_comparisons_without_a_verdict_are_counted_by_their_reason(judged):
    lines = str(unasked({"The paper": judged, "Another": judged[:1]})).splitlines()
    assert lines[1:] == ["The paper  records are missing: not measured yet  2 of 4"]


def test_every_measured_number_is_a_line_of_the_explorer_with_what_is_drawn():
    metrics = {"accuracy": 0.8, "accuracy_low": 0.7, "accuracy_high": 0.9}
    records = [
        cell_record(TABLE_3, "kd", "accuracy", seed=0, metrics=metrics),
        cell_record(TABLE_3, "kd", "accuracy", seed=1, metrics=metrics | {"accuracy": 0.9}),
        cell_record(TABLE_3, "kd", "stored_bytes", metrics={"stored_bytes": 3 * 2**20}),
    ]
    shown = explorer(source_of(records), [TABLE_1, TABLE_3], {TABLE_3: "page.html"})
    lines = re.findall(r'<tr data-numbers="([^"]*)">(.*?)</tr>', shown.html)
    assert len(lines) == 2 and shown.text.count("\n") == 1
    numbers, cells = lines[0]
    assert json.loads(unescape(numbers)) == {
        "value": 85.0,
        "low": 70.0,
        "high": 90.0,
        "reported": 91.5,
        "seeds": {"0": 80.0, "1": 90.0},
    }
    texts = [re.sub("<[^>]*>", "", cell) for cell in re.findall(r"<t[hd].*?</t[hd]>", cells)]
    assert texts[:5] == ["loyalty", "Table 3", "sst2", "KD", "Accuracy (%)"]
    assert texts[5:] == ["85.0", "0: 80.0, 1: 90.0", "70.0 to 90.0", "91.5"]
    assert "low" not in json.loads(unescape(lines[1][0]))
