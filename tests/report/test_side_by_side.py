"""What the reader sees: the paper's table next to ours, and the records behind every number."""

import re

import pytest
from made_records import attack_record, cell_record, mnli_source, prediction_record, source_of

from bert_compression.papers.loyalty import QUANTIZED_ROBUSTNESS, TABLE_1, TABLE_2, TABLE_3
from bert_compression.report import record_list, side_by_side
from bert_compression.report.side_by_side import anchor

METHODS = tuple(row.method for row in TABLE_3.rows)


def with_bounds(name, value, reach):
    return {name: value, f"{name}_low": value - reach, f"{name}_high": value + reach}


def table_3(profile="small", name="small"):
    """All measurements of Table 3 on eight texts, two seeds; the later a row, the more it withstands."""
    records = []
    for place, method in enumerate(METHODS):
        right, withstood, loyalty = 7 - place % 3, 1 + place, 0.9 + place / 100
        attack = with_bounds("after_attack_accuracy", withstood / 8, 1 / 8) | {
            "after_attack_accuracy_class_0": 0.25,
            "after_attack_accuracy_class_1": 0.5,
            "queries_mean": 80.0 + place,
        }
        cost = {"speedup_batch_1": 1 + place / 4, "speedup_batch_32": 1.0, "stored_bytes": 3 * 2**20}
        loyal = with_bounds("label_loyalty", loyalty, 0.02)
        loyal |= with_bounds("probability_loyalty", loyalty - 0.1, 0.02)
        loyal["probability_loyalty_base2"] = loyalty - 0.15
        for seed in (0, 1):
            told = {"seed": seed, "profile": profile}
            answers = "1" * right + "0" * (8 - right)
            outcomes = "1" * withstood + "2" * (8 - withstood)
            accuracy = with_bounds("accuracy", right / 8, 0.1)
            records += [
                prediction_record(TABLE_3, method, answers, metrics=accuracy, **told),
                attack_record(TABLE_3, method, outcomes, metrics=attack, **told),
                cell_record(TABLE_3, method, "stored_bytes", metrics=cost, **told),
            ]
            if method != "teacher":
                records.append(cell_record(TABLE_3, method, "label_loyalty", metrics=loyal, **told))
    return source_of(records, name=name)


@pytest.fixture(scope="module")
def whole():
    return table_3()


@pytest.fixture(scope="module")
def mnli():
    return mnli_source()


NOTHING = source_of([], name="this run")


def test_a_model_that_has_learnt_nothing_is_marked_and_not_compared_with_the_paper():
    gold, right = {"sst2 validation": "1110"}, {"accuracy": 0.75}
    guesses = [prediction_record(TABLE_3, "kd", "1111", metrics=right)]
    guesses.append(cell_record(TABLE_3, "kd", "label_loyalty", metrics={"label_loyalty": 0.9}))
    told = side_by_side({"small": source_of(guesses, gold)}, "answers", TABLE_3).html
    assert told.count("</strong>∅") == 2 and "∅ of a model that is not surely better" in told
    assert "than reported</span>" not in told
    reads = [prediction_record(TABLE_3, "kd", "1110", metrics={"accuracy": 1.0})]
    told = side_by_side({"small": source_of(reads, gold)}, "answers", TABLE_3).html
    assert "∅" not in told and "higher than reported</span>" in told


def test_a_cell_of_fewer_seeds_than_others_of_its_column_says_so_at_once():
    found = [
        cell_record(TABLE_3, method, "label_loyalty", seed=seed, metrics={"label_loyalty": 0.9})
        for method, seeds in (("kd", 2), ("head_prune", 1))
        for seed in range(seeds)
    ]
    html = side_by_side({"small": source_of(found)}, "answers", TABLE_3).html
    visible = re.findall(r'<span class="bc-small">(\d seeds?)</span>', html)
    assert visible == ["1 seed"]


def without_files(html):
    """The page without what stands in the files that it offers."""
    return re.sub(r'href="data:[^"]*"', "", html)


def accuracies(*values, **others):
    return [
        cell_record(TABLE_3, "kd", "accuracy", seed=seed, metrics={"accuracy": value}, **others)
        for seed, value in enumerate(values)
    ]


def visible(html):
    """The text of a piece of HTML, as one would read it."""
    without_style = re.sub(r"<style>.*?</style>", "", html, flags=re.DOTALL)
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", without_style))


def row_of(shown, label):
    lines = re.findall(r"<tr[^>]*>.*?</tr>", shown.html, flags=re.DOTALL)
    return visible(next(line for line in lines if f">{label}<" in line))


def test_a_row_reads_reported_then_small_with_what_stands_behind_it(whole):
    shown = side_by_side({"small": whole, "this run": NOTHING}, "answers", TABLE_3)
    # KD answers 6 of 8 right (75.0, bounds 10 points to each side) and has a label loyalty of 0.91.
    assert row_of(shown, "KD").startswith(
        " KD 91.5 75.0 ▼ −16.5 lower than reported 2 seeds ± 0.0, [65.0, 85.0] "
        "93.8 91.0 ▼ −2.8 lower than reported 2 seeds ± 0.0, [89.0, 93.0] "
    )
    assert "100.0 by definition" in row_of(shown, "Teacher")
    assert '<span class="bc-small bc-more">2 seeds ± 0.0, [65.0, 85.0]</span>' in shown.html


def test_what_this_run_found_stands_under_the_committed_value_and_can_be_hidden(whole):
    run = table_3("smoke", name="this run (smoke)")
    shown = side_by_side({"small": whole, "this run (smoke)": run}, "answers", TABLE_3)
    address = anchor("this run (smoke)", run.cell(TABLE_3, "kd", "accuracy")[0]["key"])
    line = f'<span class="bc-small bc-run"><a href="#{address}">this run (smoke): 75.0</a></span>'
    assert line in shown.html
    assert "bc-run" not in side_by_side({"small": whole}, "answers", TABLE_3).html.split("bc-passport")[1]
    foot = record_list({"small": whole, "this run (smoke)": run}, TABLE_3).html
    hidden = re.findall(r'<div class="bc-run"><details><summary>([^<]*)</summary>', foot)
    assert len(hidden) == 1 and hidden[0].endswith("this run (smoke)")


def test_generated_english_has_no_difference_from_a_paper():
    run = table_3("smoke", name="this run (smoke)")
    alone = without_files(side_by_side({"this run (smoke)": run}, "answers", TABLE_3).html)
    assert "▼" not in alone and ">75.0<" in alone
    real = table_3("small", name="this run (small)")
    assert "▼" in side_by_side({"this run (small)": real}, "answers", TABLE_3).html


def test_variants_share_the_reported_cell(whole):
    shown = side_by_side({"small": whole}, "answers", TABLE_3)
    assert '<td rowspan="3">90.1</td>' in shown.html
    assert shown.html.count(">90.1<") == 1
    assert "90.1" not in row_of(shown, "Q8-PTQ, static ranges")


def test_a_difference_is_marked_by_colour_symbol_sign_and_word():
    metrics = {"accuracy": 0.95, "accuracy_low": 0.94, "accuracy_high": 0.96}
    source = source_of([cell_record(TABLE_3, "kd", "accuracy", metrics=metrics)])
    html = side_by_side({"small": source}, "answers", TABLE_3).html
    mark = '<span aria-hidden="true">▲</span> +3.5<span class="bc-hidden"> higher than reported</span>'
    assert f'<span class="bc-small bc-higher">{mark}</span>' in html
    assert "▲ higher than reported, ▼ lower, ≈ near it" in html


def test_stale_records_and_failed_seeds_get_a_mark_and_a_footnote():
    done, other = accuracies(0.9, 0.9)
    plain = side_by_side({"small": source_of([done, other])}, "answers", TABLE_3).html
    assert "†" not in plain and "‡" not in plain
    stale = side_by_side({"small": source_of([done | {"stale": True}, other])}, "answers", TABLE_3).html
    assert "</strong>†" in stale
    assert "† stale: measured with an earlier version of the code" in stale
    failed = other | {"status": "failed", "error": "x"}
    html = side_by_side({"small": source_of([done, failed])}, "answers", TABLE_3).html
    assert "</strong>‡" in html and "‡ some seeds failed and are left out" in html


def test_a_failed_cell_says_so_and_leads_to_its_records():
    failed = accuracies(0.9, status="failed", error="died")
    html = side_by_side({"small": source_of(failed)}, "answers", TABLE_3).html
    address = anchor("small", failed[0]["key"])
    assert f'<td class="bc-none"><a href="#{address}">failed</a></td>' in html


def test_the_table_is_accessible(whole):
    sources = {"small": whole, "paper": table_3("paper")}
    html = without_files(side_by_side(sources, "attack", TABLE_3).html)
    assert "<caption>Table 3, what compression gains" in html
    assert html.count('scope="row"') == 7 and html.count('scope="colgroup"') == 3
    assert re.findall(r'<th scope="col">([^<]*)</th>', html) == ["reported", "small", "paper"] * 3
    assert "<script" not in html and "http" not in html
    assert 'role="region"' in html and 'tabindex="0"' in html


def test_columns_without_a_reported_value_have_no_reported_column(whole):
    html = side_by_side({"small": whole}, "further", TABLE_3).html
    assert ">reported<" not in html and "▲" not in html


def test_text_of_names_is_escaped():
    html = side_by_side({"<b>": source_of(accuracies(0.9))}, "answers", TABLE_3).html
    assert "&lt;b&gt;" in html and "<b>" not in html


def test_the_papers_spread_stands_under_its_value(mnli):
    shown = side_by_side({"small": mnli}, "answers", TABLE_1)
    assert " 89.2 ± 0.1 " in row_of(shown, "Pure KD")
    assert "±" not in row_of(side_by_side({"small": NOTHING}, "answers", TABLE_2), "BERT-PKD")


def test_each_number_says_from_how_many_seeds_it_is():
    def attacked(table, method, seeds):
        metrics = {"after_attack_accuracy": 0.5}
        return [attack_record(table, method, "12", seed, metrics=metrics) for seed in range(seeds)]

    uneven = source_of([*attacked(TABLE_2, "head_prune", 3), *attacked(TABLE_2, "theseus_kd", 1)])
    shown = side_by_side({"small": uneven}, "attack", TABLE_2)
    assert "3 seeds ± 0.0 " in row_of(shown, "Head Prune") and " 1 seed " in row_of(shown, "Theseus + KD")


def test_the_groups_of_table_2_are_headed(mnli):
    html = side_by_side({"small": mnli, "paper": NOTHING}, "attack", TABLE_2).html
    headings = re.findall(r'<th scope="rowgroup" colspan="10">([^<]*)</th>', html)
    assert headings == ["Pruning", "Quantization", "Module replacing, with PKD beside it"]
    assert html.count("<tbody>") == 4
    assert html.index("Quantization<") < html.index("Q8-QAT<") < html.index("Module replacing, with")
    plain = side_by_side({"small": mnli}, "attack", TABLE_1).html.split("</style>")[1]
    assert "bc-group" not in plain


def test_layers_are_the_papers_alone(mnli):
    shown = side_by_side({"small": mnli, "paper": NOTHING}, "further", TABLE_1)
    assert row_of(shown, "Pure KD").startswith(" Pure KD 6 ")
    heads = re.findall(r'<th scope="col">([^<]*)</th>', shown.html)
    measured = [name for name in TABLE_1.panel("further").columns if name != "layers"]
    assert heads == ["reported"] + ["small", "paper"] * len(measured)
    assert "layers, reported" in shown.text and "layers, small" not in shown.text
    assert "layers" not in side_by_side({"small": mnli}, "further", TABLE_2).text


# The records behind a page.


def test_every_number_leads_to_its_records(whole):
    sources = {"small": whole, "this run (smoke)": table_3("smoke")}
    foot = record_list(sources, TABLE_3).html
    links = []
    for panel in TABLE_3.panels:
        html = side_by_side(sources, panel.name, TABLE_3).html
        links += re.findall(r'href="#([^"]+)"', html)
    given = sum(len(row.given) for row in TABLE_3.rows)  # the teacher's loyalties have no record
    assert given and len(links) == 2 * (len(TABLE_3.rows) * len(TABLE_3.columns) - given)
    assert all(foot.count(f'id="{link}"') == 1 for link in links)


def test_the_record_list_is_folded_and_names_the_values():
    shown = record_list({"small": source_of(accuracies(0.875))}, TABLE_3)
    key = accuracies(0.875)[0]["key"][:12]
    assert shown.html.startswith("<details><summary>1 records: small</summary>")
    assert visible(shown.html).rstrip().endswith(f" {key} predict sst2 validation kd 0 accuracy 0.875 1.5")
    failed = source_of(accuracies(0.9, status="failed", error="stopped at step 3"))
    assert "failed: stopped at step 3" in record_list({"small": failed}, TABLE_3).html


def test_texts_that_were_cut_are_told_and_only_they():
    cut, whole = accuracies(0.9, 0.8)
    cut = cut | {"metrics": {"accuracy": 0.9, "truncated_texts": 3}}
    whole = whole | {"metrics": {"accuracy": 0.8, "truncated_texts": 0}}
    shown = record_list({"small": source_of([cut, whole])}, TABLE_3)
    assert shown.text.count("texts cut") == 1 and "accuracy 0.9, texts cut 3" in shown.text


def test_records_of_one_model_are_told_apart_by_their_parameters():
    batched = cell_record(QUANTIZED_ROBUSTNESS, "q8_ptq_int8", "attacked_batched", metrics={})
    alone = cell_record(QUANTIZED_ROBUSTNESS, "q8_ptq_int8", "attacked", metrics={})
    shown = record_list({"small": source_of([batched, alone])}, QUANTIZED_ROBUSTNESS, TABLE_1)
    assert shown.text.count("batched True") == 1 and shown.text.count("recipe textfooler") == 2
    assert shown.html.count("<tr id=") == 2  # a record that two tables show stands once


def test_seeds_are_told_where_another_of_the_same_column_has_more():
    found = accuracies(0.9, 0.9)
    found.append(cell_record(TABLE_3, "kd", "label_loyalty", metrics={"label_loyalty": 0.9}))
    html = side_by_side({"small": source_of(found)}, "answers", TABLE_3).html
    assert '<span class="bc-small">1 seed</span>' not in html


def test_this_run_stands_under_the_last_source():
    named = ((0.91, "small"), (0.82, "paper"), (0.73, "this run (smoke)"))
    found = [source_of(accuracies(value), name=name) for value, name in named]
    told = row_of(side_by_side({source.name: source for source in found}, "answers", TABLE_3), "KD")
    assert told.index("91.0") < told.index("82.0") < told.index("73.0")
