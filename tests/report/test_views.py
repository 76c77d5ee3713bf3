"""This run apart from what is committed; what stands behind a table."""

import base64
import re
from dataclasses import replace
from io import StringIO

import pandas as pd
import pytest
from made_records import cell_record, source_of

from bert_compression.papers.loyalty import TABLE_1, TABLE_3
from bert_compression.report import side_by_side
from bert_compression.report.html import Shown
from bert_compression.report.passport import numbers, rests_on
from bert_compression.report.views import foremost, in_two_views, parted

BOTH = {"small": "kept", "this run (smoke)": "just run"}


@in_two_views
def drawn(sources, mark=""):
    words = ", ".join(sources.values()) + mark
    return Shown(words, html=f"<p>{words}</p>")


def test_this_run_is_told_by_its_name():
    assert parted(BOTH) == ({"small": "kept"}, {"this run (smoke)": "just run"})
    assert foremost(BOTH) == {"small": "kept"}
    assert foremost({"this run": "just run"}) == {"this run": "just run"}


def test_what_was_just_run_is_drawn_apart():
    assert drawn(BOTH, mark="!").html == '<p>kept!</p><div class="bc-run"><p>just run!</p></div>'
    assert drawn(BOTH, mark="!").text == "kept!\njust run!"


def test_further_mappings_by_source_are_parted_too_and_others_are_not():
    @in_two_views
    def of_both(sources, others, labels):
        return Shown("", html=f"{'+'.join(sources)}, {'+'.join(others)}, {'+'.join(labels)}")

    others = {"small": 1, "paper": 2, "this run (smoke), mnli": 3}
    assert of_both(BOTH, others, {"a": 1, "b": 2}).html == (
        'small, small+paper, a+b<div class="bc-run">this run (smoke), this run (smoke), mnli, a+b</div>'
    )


@pytest.mark.parametrize("only", [{"small": "kept"}, {"this run": "just run"}])
def test_nothing_is_hidden_where_there_is_one_view(only):
    assert drawn(only).html == f"<p>{next(iter(only.values()))}</p>"


def records(*values, **others):
    return [
        cell_record(TABLE_3, "kd", "accuracy", seed=seed, metrics={"accuracy": value}, **others)
        for seed, value in enumerate(values)
    ]


def test_the_file_under_a_table_holds_its_numbers():
    source = source_of(records(0.8, 0.9))
    html = side_by_side({"small": source}, "answers", TABLE_3).html
    name, data = re.search(r'href="data:text/csv;base64,([^"]*)" download="([^"]*)"', html).groups()[::-1]
    assert name == "loyalty_table_3_answers.csv"
    table = pd.read_csv(StringIO(base64.b64decode(data).decode()))
    line = table[(table.method == "kd") & (table.column == "accuracy")].iloc[0]
    # 80 and 90 percent: a mean of 85 and a standard deviation of the square root of 50; the paper has 91.5.
    assert (line.value, line.reported, line.seeds, line.unit, line.status) == (85, 91.5, 2, "%", "measured")
    assert line.spread == pytest.approx(50**0.5, rel=1e-5)
    assert line.records == " ".join(record["key"][:12] for record in records(0.8, 0.9))
    assert len(table) == len(TABLE_3.rows) * len(TABLE_3.panel("answers").columns)


def test_the_file_holds_both_sources_and_the_panel_alone():
    found = numbers(
        {"small": source_of([]), "this run": source_of([], name="this run")}, TABLE_3, TABLE_3.panel("attack")
    )
    assert set(found.source) == {"small", "this run"}
    assert set(found.column) == set(TABLE_3.panel("attack").columns)


def passport_of(html):
    return re.sub(r"<[^>]*>", "", html[html.index("bc-passport") :])


def test_a_passport_says_what_a_table_rests_on_and_how_to_make_it_again():
    made = records(0.8, 0.9)
    made[1] |= {"created": "2026-01-03T00:00:00", "commit": "fedcba98", "seconds": 3600.0}
    told = passport_of(side_by_side({"small": source_of(made)}, "answers", TABLE_3).html)
    for words in (
        "2 records; seeds 0, 1",
        "real texts: 8 (",
        "measured 2026-01-01 to 2026-01-03",
        "commits 01234567, fedcba98",
        "a processor, 2 cores",
        "60 min, models included",
        "bert-compression run --profile small --paper loyalty --table table_3 --data FOLDER --fresh",
    ):
        assert words in told


def test_seeds_stand_in_their_order_whichever_was_measured_first():
    made = records(0.8, 0.9, 0.7)
    made[1] |= {"created": "2025-12-31T00:00:00"}
    told = passport_of(side_by_side({"small": source_of(made)}, "answers", TABLE_3).html)
    assert "3 records; seeds 0, 1, 2;" in told


@pytest.mark.parametrize(("builtin", "texts"), [(False, "real texts"), (True, "generated English")])
def test_of_what_has_no_data_a_passport_tells_no_texts(builtin, texts):
    def told(made):
        source = source_of(made)
        source = replace(source, profile=replace(source.profile, builtin_data=builtin))
        return passport_of(side_by_side({"small": source}, "answers", TABLE_3).html)

    drawn = told([record | {"data": None} for record in records(0.8, 0.9)])
    assert "seeds 0, 1; measured 2026-01-01" in drawn and texts not in drawn
    assert f"{texts}: 8 (" in told(records(0.8, 0.9))


def test_a_passport_counts_the_time_of_the_models_too():
    [record] = records(0.8)
    model = record | {"key": "m", "identity": "m", "kind": "finetune", "inputs": {}, "seconds": 50.0}
    record["inputs"] = {"model": "m"}
    source = source_of([record, model])
    assert source.with_inputs([record]) == [record, model]
    told = passport_of(side_by_side({"small": source}, "answers", TABLE_3).html)
    assert "1 record; seed 0;" in told and "52 s, models included" in told


def test_the_records_of_several_tables_are_told_apart():
    nothing = {"small": source_of([])}
    names = re.findall("<strong>(.*?)</strong>", rests_on(nothing, {TABLE_1: (), TABLE_3: ()}))
    assert names == ["small, Table 1", "small, Table 3"]
    assert "<strong>small</strong>" in rests_on(nothing, {TABLE_3: ()})


def test_a_table_without_records_says_so_in_its_passport():
    told = passport_of(side_by_side({"small": source_of([])}, "answers", TABLE_3).html)
    assert "nothing measured" in told and "--table table_3" in told
