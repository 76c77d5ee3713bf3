"""The loyalty paper's three tables: every line of the paper has its rows, every number its place."""

import math
import re

import pytest

from bert_compression.experiments.papers import table_jobs
from bert_compression.experiments.profiles import get_profile
from bert_compression.report.papers.loyalty_tables import TABLE_1, TABLE_2, TABLE_3
from bert_compression.report.record_list import anchor, record_list
from bert_compression.report.reported import reported, reported_lines, reported_spread, reported_value
from bert_compression.report.sentences import say, size_of
from bert_compression.report.side_by_side import side_by_side
from bert_compression.report.tables import measured, relevant

TABLES = pytest.mark.parametrize("layout", [TABLE_1, TABLE_2, TABLE_3], ids=lambda layout: layout.title)


def row_of(html, label):
    """What one reads in the line of that label, cell by cell."""
    line = next(line for line in re.findall(r"<tr[^>]*>.*?</tr>", html) if f">{label}</th>" in line)
    cells = re.findall(r"<t[dh][^>]*>(.*?)</t[dh]>", line)
    return [re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", cell)).strip() for cell in cells]


# against the paper and against our grid


@TABLES
def test_rows_face_every_line_of_the_paper_in_its_order(layout):
    facing = dict.fromkeys(row.reported for row in layout.rows)
    assert list(facing) == reported_lines(layout.name).index.tolist()


@TABLES
def test_rows_are_the_methods_that_are_measured_for_the_table(layout):
    jobs = table_jobs("loyalty", layout.name.removeprefix("loyalty_"), get_profile("smoke"))
    assert {row.method for row in layout.rows} == {job.method for job in jobs}
    assert {(place.kind, place.split) for place in layout.places} == {
        (job.kind, job.params["split"]) for job in jobs
    }
    assert {job.params["task"] for job in jobs} == {layout.task}


@TABLES
def test_every_column_of_the_paper_but_its_descriptions_has_its_measure(layout):
    described = {"method", "reference", "group", "base_method", "speedup_on_cpu", "init_not_from_teacher"}
    columns = {name for name in reported(layout.name) if not name.endswith("_std")} - described
    assert {measure.reported for measure in layout.measures if measure.reported} == columns


@TABLES
def test_every_measure_is_shown_in_one_part(layout):
    shown = [name for part in layout.parts for name in part.measures]
    assert sorted(shown) == sorted(measure.name for measure in layout.measures)


@TABLES
def test_labels_tell_rows_apart_short_ones_too(layout):
    for labels in ([row.label for row in layout.rows], [row.short_label for row in layout.rows]):
        assert len(set(labels)) == len(labels)
    assert max(len(row.short_label) for row in layout.rows) <= 22


def value(layout, method, measure, read=reported_value):
    return read(layout, layout.row(method), layout.measure(measure))


def test_finetune_occurs_twice_in_table_2_and_means_two_rows():
    assert value(TABLE_2, "head_prune_finetune", "label_loyalty") == 89.1
    assert value(TABLE_2, "q8_ptq_finetune", "label_loyalty") == 89.7
    assert value(TABLE_2, "theseus_kd", "probability_loyalty") == 91.4
    assert value(TABLE_2, "theseus_kd_ptq_static", "probability_loyalty") == 80.3


def test_matched_and_mismatched_accuracy_are_two_columns():
    for layout in (TABLE_1, TABLE_2):
        assert value(layout, "head_prune", "accuracy") == 80.9
        assert value(layout, "head_prune", "accuracy_mismatched") == 80.6


def test_table_1_alone_has_spreads():
    assert value(TABLE_1, "kd", "probability_loyalty", reported_spread) == 0.2
    assert math.isnan(value(TABLE_1, "teacher", "label_loyalty", reported_spread))
    assert math.isnan(value(TABLE_1, "kd", "stored_bytes", reported_spread))
    assert math.isnan(value(TABLE_2, "pkd", "label_loyalty", reported_spread))


# which records count


def test_each_accuracy_is_read_from_its_own_split(record):
    def answers(split, accuracy):
        return record("predict", "kd", 0, {"accuracy": accuracy}, task="mnli", params={"split": split})

    both = [answers("validation_matched", 0.8), answers("validation_mismatched", 0.7)]
    table = measured(both, TABLE_1)
    texts = [table.loc[("kd", name)].text for name in ("accuracy", "accuracy_mismatched")]
    assert texts == ["80.0", "70.0"]
    alone = measured([*both[:1], answers("train", 0.9)], TABLE_1)
    texts = [alone.loc[("kd", name)].text for name in ("accuracy", "accuracy_mismatched")]
    assert texts == ["80.0", "not run"]


def test_a_table_sees_no_records_of_another(mnli, whole_table):
    everything = mnli + whole_table()
    found = {layout.title: relevant(everything, layout) for layout in (TABLE_1, TABLE_2, TABLE_3)}
    assert {r["method"] for r in found["Table 1"]} == {row.method for row in TABLE_1.rows}
    assert {r["task"] for r in found["Table 2"]} == {"mnli"} and len(found["Table 3"]) == len(whole_table())
    assert "theseus_kd" not in {r["method"] for r in found["Table 1"]}
    assert "kd" not in {r["method"] for r in found["Table 2"]}


def test_what_was_answered_in_company_is_another_question(record):
    def attack(accuracy, **others):
        params = {"split": "validation_matched", **others}
        metrics = {"after_attack_accuracy": accuracy}
        return record("attack", "q8_ptq_dynamic", 0, metrics, task="mnli", params=params)

    later = attack(0.9, in_company=True) | {"created": "2027-01-01T00:00:00"}
    cell = ("q8_ptq_dynamic", "after_attack_accuracy")
    assert measured([attack(0.3), later], TABLE_1).loc[cell].text == "30.0"
    assert measured([later], TABLE_1).loc[cell].text == "not run"
    alone = attack(0.9, in_company=False) | {"created": "2027-01-01T00:00:00"}
    assert measured([attack(0.3), alone], TABLE_1).loc[cell].text == "90.0"


# what the reader sees


def test_the_papers_spread_stands_under_its_value(mnli):
    html = side_by_side({"small": mnli}, "answers", TABLE_1).html
    assert row_of(html, "Pure KD")[5] == "89.2 ± 0.1"
    assert "±" not in row_of(side_by_side({"small": mnli}, "answers", TABLE_2).html, "BERT-PKD")[5]


def test_rows_with_fewer_seeds_say_so_and_only_then_the_others(mnli):
    mixed = side_by_side({"small": mnli}, "attack", TABLE_2).html
    assert ", 3 seeds" in row_of(mixed, "Head Prune")[4] and " 1 seed " in row_of(mixed, "Theseus + KD")[4]
    assert "seed" not in side_by_side({"small": mnli}, "attack", TABLE_1).html
    once = [record for record in mnli if record["seed"] == 0]
    assert "seed" not in side_by_side({"small": once}, "attack", TABLE_2).html


def test_the_groups_of_table_2_are_headed(mnli):
    html = side_by_side({"small": mnli, "this run": []}, "attack", TABLE_2).html
    headings = re.findall(r'<tr class="bc-group"><th scope="rowgroup" colspan="10">([^<]*)</th></tr>', html)
    assert headings == ["Pruning", "Quantization", "Module replacing, with PKD beside it"]
    assert html.count("<tbody>") == 4
    assert html.index("Quantization<") < html.index("Q8-QAT<") < html.index("Module replacing, with")
    assert "bc-group" not in side_by_side({"small": mnli}, "attack", TABLE_1).html.split("</style>")[1]


def test_layers_are_the_papers_alone(mnli):
    shown = side_by_side({"small": mnli, "this run": []}, "further", TABLE_1)
    assert row_of(shown.html, "Pure KD")[:2] == ["Pure KD", "6"]
    assert len(row_of(shown.html, "Pure KD")) == 2 + 6 * 2
    heads = re.findall(r'<th scope="col">([^<]*)</th>', shown.html)
    assert heads == ["reported"] + ["small", "this run"] * 6
    assert "layers, reported" in shown.text and "layers, small" not in shown.text
    assert "layers" not in side_by_side({"small": mnli}, "further", TABLE_2).text


def test_classes_are_called_by_their_names(mnli):
    assert "After-attack accuracy, neutral pairs" in side_by_side({"s": mnli}, "further", TABLE_1).html
    assert TABLE_3.measure("after_attack_accuracy_class_0").label == "After-attack accuracy, negative texts"


def test_every_number_of_two_splits_leads_to_its_records(mnli):
    sources = {"small": mnli}
    foot = record_list(sources, TABLE_2).html
    links = [
        link
        for part in TABLE_2.parts
        for link in re.findall(r'href="#([^"]+)"', side_by_side(sources, part.name, TABLE_2).html)
    ]
    answers = {
        r["params"]["split"]: anchor("small", r["key"])
        for r in mnli
        if (r["kind"], r["method"], r["seed"]) == ("predict", "pkd", 0)
    }
    assert {answers["validation_matched"], answers["validation_mismatched"]} <= set(links)
    assert all(foot.count(f'id="{link}"') == 1 for link in links)


def test_the_size_of_what_was_measured_names_splits_and_uneven_seeds(mnli):
    rest = "600 texts, 200 of them attacked, and 200 of validation_mismatched"
    assert size_of(mnli, TABLE_1) == f"3 seeds, {rest}"
    assert size_of(mnli, TABLE_2) == f"1 to 3 seeds, {rest}"
    once = [record for record in mnli if record["seed"] == 0]
    assert size_of(once, TABLE_2) == f"1 seed, {rest}"


def test_sentences_know_the_further_split(mnli):
    table = measured(mnli, TABLE_1)
    said = say(table, "{teacher.accuracy_mismatched} and {lowest.after_attack_accuracy}").text
    assert said.startswith(table.loc[("teacher", "accuracy_mismatched")].text)
    assert said.endswith(
        f"Truncate & Finetune ({table.loc[('truncate_finetune', 'after_attack_accuracy')].text})"
    )
