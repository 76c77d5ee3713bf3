"""From records to cells, and from cells to the table that a reader sees."""

import hashlib
import math
import re
from importlib.resources import files

import pytest

from bert_compression.errors import BadInput
from bert_compression.report.papers.loyalty_tables import TABLE_3
from bert_compression.report.record_list import anchor, record_list, records_of_kind
from bert_compression.report.reported import reported, reported_value
from bert_compression.report.resources import word_resources
from bert_compression.report.sentences import say, size_of
from bert_compression.report.side_by_side import side_by_side
from bert_compression.report.tables import difference, measured, signed


def accuracies(record, *values, **others):
    return [record("predict", "kd", seed, {"accuracy": value}, **others) for seed, value in enumerate(values)]


def cell(records, method="kd", measure="accuracy"):
    return measured(records, TABLE_3).loc[(method, measure)]


def visible(html):
    """The text of a piece of HTML, as one would read it."""
    without_style = re.sub(r"<style>.*?</style>", "", html, flags=re.DOTALL)
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", without_style))


def row_of(shown, label):
    lines = re.findall(r"<tr[^>]*>.*?</tr>", shown.html)
    return visible(next(line for line in lines if f">{label}<" in line))


# reported


def test_table_3_is_the_papers():
    table = reported("loyalty_table_3")
    assert table.method.tolist() == ["Teacher", "KD", "Head Prune", "Q8-QAT", "Q8-PTQ"]
    assert table.after_attack_acc.tolist() == [7.5, 7.2, 8.1, 6.6, 26.5]


def test_reported_files_keep_their_bytes():
    content = (files("bert_compression.report") / "reported" / "loyalty_table_3.csv").read_bytes()
    assert len(content) == 259 and content.count(b"\r\n") == 6
    assert hashlib.sha256(content).hexdigest().startswith("2199e6e22de3061d")


def test_an_unknown_reported_table_is_refused_with_the_known_ones():
    known = "loyalty_appendix_A_hyperparameters, loyalty_table_1, loyalty_table_2, loyalty_table_3, "
    known += "miniature_key_results, taylor_table_1, taylor_table_2, taylor_table_2_train_sizes"
    with pytest.raises(BadInput) as error:
        reported("loyalty_table_4")
    assert str(error.value) == f"unknown reported table 'loyalty_table_4': the known ones are {known}"


# the tidy table


def test_a_cell_is_the_mean_over_seeds_with_the_sample_deviation(record):
    found = cell(accuracies(record, 0.90, 0.92, 0.97))
    assert found.value == pytest.approx(93.0)
    # deviations -3, -1, 4: (9 + 1 + 16) / 2 = 13; the population's would be 26 / 3
    assert found.spread == pytest.approx(math.sqrt(13))
    assert found.seeds == 3 and found.status == "measured"


def test_one_seed_has_no_spread(record):
    found = cell(accuracies(record, 0.9))
    assert found.value == pytest.approx(90) and math.isnan(found.spread)


def test_bounds_are_the_means_of_the_records_bounds(record):
    bounds = [(0.88, 0.92), (0.90, 0.96)]
    records = [
        record("predict", "kd", seed, {"accuracy": 0.9, "accuracy_low": low, "accuracy_high": high})
        for seed, (low, high) in enumerate(bounds)
    ]
    found = cell(records)
    assert (found.low, found.high) == (pytest.approx(89), pytest.approx(94))
    assert math.isnan(cell(accuracies(record, 0.9)).low)


def test_missing_failed_undefined_and_given_cells_are_told_apart(record):
    assert cell([]).status == "not run"
    assert cell(accuracies(record, 0.9, status="failed", error="died")).status == "failed"
    assert cell([record("predict", "kd", 0, {"accuracy": None})]).status == "undefined"
    given = cell([], "teacher", "label_loyalty")
    assert (given.status, given.value) == ("by definition", 100)
    assert cell([], "kd", "label_loyalty").status == "not run"


def test_a_failed_seed_is_counted_and_left_out(record):
    done, failed = accuracies(record, 0.9, 0.1)
    found = cell([done, failed | {"status": "failed", "error": "died", "metrics": {}}])
    assert (found.value, found.seeds, found.failed) == (pytest.approx(90), 1, 1)


def test_answers_to_the_training_set_another_task_and_an_older_record_do_not_count(record):
    right = record("predict", "kd", 0, {"accuracy": 0.9})
    others = [
        record("predict", "kd", 0, {"accuracy": 0.99}, params={"split": "train"}),
        record("predict", "kd", 0, {"accuracy": 0.5}, task="mnli"),
        record("predict", "kd", 0, {"accuracy": 0.6}, created="2025-01-01T00:00:00"),
    ]
    assert cell([*others, right]).records == (right["key"],) == cell([right, *others]).records
    newer = record("predict", "kd", 0, {"accuracy": 0.8}, created="2027-01-01T00:00:00")
    assert cell([newer, right]).records == (newer["key"],)


def test_bytes_become_mebibytes(record):
    found = cell([record("cost", "kd", 0, {"stored_bytes": 3 * 2**19})], measure="stored_bytes")
    assert found.value == pytest.approx(1.5)


def test_a_difference_is_near_when_the_interval_holds_the_reported_value():
    base = {"status": "measured", "value": 91.0, "low": 89.0, "high": 93.0}
    near, higher = difference(base, 92.0), difference(base, 88.9)
    assert (near.word, near.symbol, near.amount) == ("near", "≈", pytest.approx(-1.0))
    assert (higher.word, higher.symbol) == ("higher", "▲")
    assert difference(base, 93.1).symbol == "▼"


def test_a_difference_without_interval_is_near_when_both_print_alike():
    base = {"status": "measured", "value": 2.04, "low": math.nan, "high": math.nan}
    assert difference(base, 2.0).symbol == "≈"
    assert difference(base, 1.9).symbol == "▲"
    assert difference(base, math.nan) is None
    assert difference(base | {"status": "failed"}, 2.0) is None


def test_the_three_variants_of_quantization_face_one_reported_row():
    accuracy = TABLE_3.measure("accuracy")
    facing = [r for r in TABLE_3.rows if r.reported == "Q8-PTQ"]
    assert [row.method for row in facing] == ["q8_ptq_int8", "q8_ptq_static", "q8_ptq_dynamic"]
    assert {reported_value(TABLE_3, row, accuracy) for row in facing} == {90.1}


def test_a_sign_is_written_out_and_zero_has_none():
    assert [signed(value) for value in (1.25, -1.25, 0.04, -0.04)] == ["+1.2", "−1.2", "0.0", "0.0"]


# what the reader sees


def test_a_row_reads_reported_then_small_then_this_run(whole_table):
    shown = side_by_side({"small": whole_table(), "this run": []}, "answers", TABLE_3)
    # KD answers 6 of 8 right (75.0, bounds 10 points to each side) and has a label loyalty of 0.91.
    assert row_of(shown, "KD").startswith(
        " KD 91.5 75.0 ± 0.0 [65.0, 85.0] ▼ −16.5 lower than reported not run "
        "93.8 91.0 ± 0.0 [89.0, 93.0] ▼ −2.8 lower than reported not run"
    )
    assert "100.0 by definition" in row_of(shown, "Teacher")


def test_variants_share_the_reported_cell(whole_table):
    shown = side_by_side({"small": whole_table()}, "answers", TABLE_3)
    assert '<td rowspan="3">90.1</td>' in shown.html
    assert shown.html.count(">90.1<") == 1
    assert "90.1" not in row_of(shown, "Q8-PTQ, static ranges")


def test_a_difference_is_marked_by_colour_symbol_sign_and_word(record):
    metrics = {"accuracy": 0.95, "accuracy_low": 0.94, "accuracy_high": 0.96}
    html = side_by_side({"small": [record("predict", "kd", 0, metrics)]}, "answers", TABLE_3).html
    mark = '<span aria-hidden="true">▲</span> +3.5<span class="bc-hidden"> higher than reported</span>'
    assert f'<span class="bc-small bc-higher">{mark}</span>' in html
    assert "▲ higher than reported, ▼ lower, ≈ near it" in html


def test_earlier_code_and_failed_seeds_get_a_mark_and_a_footnote(record):
    done, other = accuracies(record, 0.9, 0.9)
    plain = side_by_side({"small": [done, other]}, "answers", TABLE_3).html
    assert "†" not in plain and "‡" not in plain
    earlier = side_by_side({"small": [done | {"earlier_code": True}, other]}, "answers", TABLE_3).html
    assert "</strong>†<" in earlier
    assert "† measured with an earlier state of the library’s code" in earlier
    failed = side_by_side(
        {"small": [done, other | {"status": "failed", "error": "x"}]}, "answers", TABLE_3
    ).html
    assert "</strong>‡<" in failed and "‡ some seeds failed and are left out" in failed


def test_a_failed_cell_says_so_and_leads_to_its_records(record):
    failed = accuracies(record, 0.9, status="failed", error="died")
    html = side_by_side({"small": failed}, "answers", TABLE_3).html
    address = anchor("small", failed[0]["key"])
    assert re.search(rf'<td class="bc-none"><a href="#{address}"[^>]*>failed</a></td>', html)


def test_the_table_is_accessible(whole_table):
    html = side_by_side({"small": whole_table(), "this run": whole_table("smoke")}, "attack", TABLE_3).html
    assert "<caption>Table 3, what compression gains" in html
    assert html.count('scope="row"') == 7 and html.count('scope="colgroup"') == 3
    assert re.findall(r'<th scope="col">([^<]*)</th>', html) == ["reported", "small", "this run"] * 3
    assert "<script" not in html and "http" not in html


def test_columns_without_a_reported_value_have_no_reported_column(whole_table):
    html = side_by_side({"small": whole_table()}, "further", TABLE_3).html
    assert ">reported<" not in html and "▲" not in html


def test_text_of_names_is_escaped(record):
    html = side_by_side({"<b>": accuracies(record, 0.9)}, "answers", TABLE_3).html
    assert "&lt;b&gt;" in html and "<b>" not in html


def test_every_number_leads_to_its_records(whole_table):
    sources = {"small": whole_table(), "this run (smoke)": whole_table("smoke")}
    foot = record_list(sources, TABLE_3).html
    links = []
    for part in TABLE_3.parts:
        html = side_by_side(sources, part.name, TABLE_3).html
        links += re.findall(r'href="#([^"]+)"', html)
        for keys in re.findall(r'title="records ([^"]+)"', html):
            assert all(f"<code>{key}</code>" in foot for key in keys.split(", "))
    assert len(links) == 2 * (7 * 11 - 3)  # the teacher's three loyalties have no record
    assert all(foot.count(f'id="{link}"') == 1 for link in links)


def test_the_record_list_is_folded_and_names_the_values(record):
    shown = record_list({"small": accuracies(record, 0.875)}, TABLE_3)
    key = accuracies(record, 0.875)[0]["key"][:12]
    assert shown.html.startswith("<details><summary>1 records: small</summary>")
    assert visible(shown.html).endswith(f" {key} predict sst2 validation kd 0 accuracy 0.875 1.5 ")
    failed = record_list(
        {"small": accuracies(record, 0.9, status="failed", error="stopped at step 3")}, TABLE_3
    )
    assert "failed: stopped at step 3" in failed.html


def test_two_lists_on_a_page_keep_their_records_apart(record):
    """The same methods and seeds, measured in two ways, as under two attacks."""
    one, other = (record("predict", "kd", 0, {"accuracy": value}) for value in (0.875, 0.5))
    addresses = []
    for found in (one, other):
        html = side_by_side({"small": [found]}, "answers", TABLE_3).html
        foot = record_list({"small": [found]}, TABLE_3).html
        [address] = re.findall(r' id="([^"]+)"', foot)
        assert f'href="#{address}"' in html
        addresses.append(address)
    assert len(set(addresses)) == 2


def test_records_of_one_model_are_told_apart_by_their_parameters(record):
    def strange(k, **others):
        return record("outliers", "tiny", 0, {"auroc": 0.25}, params={"k": k}, **others)

    records = [strange(5), strange(50, status="failed", error="died"), *accuracies(record, 0.9)]
    shown = records_of_kind({"small": records}, "outliers", ("k",), ("auroc", "fpr95"))
    assert shown.html.startswith("<details><summary>2 records: small</summary>")
    assert "k 5, auroc 0.25, fpr95 undefined" in shown.html and "k 50, failed: died" in shown.html


# sentences


def test_a_sentence_takes_its_numbers_from_the_table(whole_table):
    table = measured(whole_table(), TABLE_3)
    template = "KD keeps {kd.label_loyalty} %, best is {highest.label_loyalty}, {lowest.label_loyalty} trails"
    said = say(table, template).markdown
    assert said == "KD keeps 91.0\u00a0%, best is Q8-PTQ, dynamic ranges (96.0), KD (91.0) trails"
    assert (
        say(measured([], TABLE_3), template).markdown
        == "KD keeps not run\u00a0%, best is not run, not run trails"
    )


def test_a_shared_first_place_names_both(record):
    records = [record("predict", method, 0, {"accuracy": 0.9}) for method in ("kd", "head_prune")]
    assert say(measured(records, TABLE_3), "{highest.accuracy}").text == "KD and Head Prune (90.0)"


def test_the_size_of_what_was_measured_is_told(whole_table):
    assert size_of(whole_table(), TABLE_3) == "2 seeds, 8 texts, 8 of them attacked"
    assert size_of([], TABLE_3) == "nothing yet"


def test_what_stands_in_for_the_papers_word_resources_is_named(record):
    attack = record("attack", "kd", 0, {}, params={"resources": "folder"})
    told = word_resources({"small": [attack], "this run": []}).markdown
    assert told.startswith("- *small* was attacked with the word resources `folder`:\n  - instead of the ")
    assert "Universal Sentence Encoder: all-MiniLM-L6-v2" in told and "this run" not in told
    genuine = record("attack", "kd", 0, {}, params={"resources": "genuine"})
    expected = "- *small* was attacked with the word resources `genuine`."
    assert word_resources({"small": [genuine]}).text == expected
    assert word_resources({"small": []}).text == "No attack has been run."
