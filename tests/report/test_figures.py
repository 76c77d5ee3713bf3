"""The figure shows what the records say, and says it in words, too."""

import base64
import re
from dataclasses import replace
from io import BytesIO

import pandas as pd
import pytest
from made_records import attack_record, cell_record, mnli_source, source_of
from test_side_by_side import table_3

from bert_compression.papers.loyalty import TABLE_1, TABLE_2, TABLE_3
from bert_compression.report.figures import (
    _line_of,
    alternative_text,
    by_panel,
    loyalty_figure,
    loyalty_picture,
    measured_points,
    picture,
    reported_points,
)
from bert_compression.report.tables import Row


def names(axes):
    return [text.get_text() for text in axes.texts]


@pytest.fixture(scope="module")
def whole():
    return table_3()


@pytest.fixture(scope="module")
def mnli():
    """Of every method of Tables 1 and 2 three numbers, as made records have them."""
    records = []
    for record in mnli_source().records:
        told = record["per_example"]
        if record["kind"] == "attack":
            share = told["outcomes"].count("1") / len(told["outcomes"])
            record = record | {"metrics": {"after_attack_accuracy": share}}
        if record["kind"] == "predict":
            record = record | {"metrics": {"accuracy": 0.8}}
        if record["kind"] == "loyalty":
            record = record | {"metrics": {"label_loyalty": sum(told["probability_loyalty"]) / 600}}
        records.append(record)
    return source_of(records)


NOTHING = source_of([])


def test_every_measured_method_has_a_point_named_with_its_accuracy(whole):
    points = measured_points(whole, TABLE_3)
    assert len(points) == 7
    kd = points["kd"]
    assert (kd.x, kd.y) == (pytest.approx(91.0), pytest.approx(25.0))
    assert kd.name == "KD (75.0)"
    assert points["teacher"].x == 100


def test_bars_show_the_spread_over_seeds_and_a_method_without_both_measures_is_left_out():
    def both(seed, loyalty, withstood):
        return [
            cell_record(TABLE_3, "kd", "label_loyalty", seed=seed, metrics={"label_loyalty": loyalty}),
            attack_record(TABLE_3, "kd", "1", seed, metrics={"after_attack_accuracy": withstood}),
        ]

    one = measured_points(source_of(both(0, 0.9, 0.1)), TABLE_3)["kd"]
    two = measured_points(source_of(both(0, 0.9, 0.1) + both(1, 0.94, 0.1)), TABLE_3)["kd"]
    assert (one.x_spread, one.y_spread) == (0, 0)
    assert two.x_spread == pytest.approx(2 * 2**0.5) and two.y_spread == 0  # deviations -2 and 2
    assert measured_points(source_of(both(0, 0.9, 0.1)[:1]), TABLE_3) == {}


def test_each_source_gets_a_panel_with_reported_and_measured_points(whole):
    figure = loyalty_figure({"small": whole, "this run": NOTHING}, TABLE_3)
    full, empty = figure.axes
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["small", "this run"]
    assert len(names(full)) == 7 + 5 and len(names(empty)) == 5
    assert "KD (75.0)" in names(full) and "KD, reported (91.5)" in names(empty)
    hollow = [line for line in full.lines if line.get_markerfacecolor() == "none"]
    assert len(hollow) == 5


def test_reported_values_do_not_stand_next_to_generated_english(whole):
    smoke = table_3("smoke")
    axes = loyalty_figure({"this run (smoke)": smoke}, TABLE_3).axes[0]
    assert len(names(axes)) == 7 and not any("reported" in name for name in names(axes))
    assert "reported" not in alternative_text(smoke, TABLE_3)
    assert "reported" in alternative_text(whole, TABLE_3)


def assert_readable(axes):
    boxes = [text.get_window_extent() for text in axes.texts]
    frame = axes.get_window_extent()
    for place, box in enumerate(boxes):
        assert frame.x0 <= box.x0 and box.x1 <= frame.x1 and frame.y0 <= box.y0 and box.y1 <= frame.y1
        assert not any(box.overlaps(other) for other in boxes[place + 1 :])


def test_names_overlap_neither_each_other_nor_leave_the_panel(whole):
    assert_readable(loyalty_figure({"small": whole}, TABLE_3).axes[0])


@pytest.mark.parametrize(("table", "rows"), [(TABLE_1, 12), (TABLE_2, 19)], ids=["Table 1", "Table 2"])
def test_many_names_are_readable_too_and_leave_the_reported_points_to_their_shapes(mnli, table, rows):
    small, nothing = loyalty_figure({"small": mnli, "this run": NOTHING}, table).axes
    assert_readable(small)
    assert len(names(small)) == rows and not any("reported" in name for name in names(small))
    assert all("reported" in name for name in names(nothing)) and names(nothing)
    hollow = {line.get_marker() for line in small.lines if line.get_markerfacecolor() == "none"}
    lines = {_line_of(row) for row in table.rows}
    assert len(hollow) == len(lines)  # a shape of its own for every line of the paper


def test_a_method_has_the_shape_of_the_line_that_it_faces(mnli):
    axes = loyalty_figure({"small": mnli}, TABLE_1).axes[0]
    points = measured_points(mnli, TABLE_1)

    def shape(x, y):
        at = [line for line in axes.lines if (line.get_xdata()[0], line.get_ydata()[0]) == (x, y)]
        return next(line.get_marker() for line in at if line.get_marker() not in ("None", "|", "_"))

    kd, static, dynamic = (points[m] for m in ("kd", "q8_ptq_static", "q8_ptq_dynamic"))
    assert shape(static.x, static.y) == shape(dynamic.x, dynamic.y) == shape(89.6, 40.2)
    assert shape(kd.x, kd.y) == shape(89.2, 6.2) != shape(89.6, 40.2)


def test_the_alternative_text_holds_the_numbers_of_the_records(whole):
    said = loyalty_picture({"small": whole}, TABLE_3).text
    assert said.startswith("Panel “small”: ")
    assert "KD (75.0): 91.0 and 25.0" in said
    assert "Q8-PTQ, reported (90.1): 91.3 and 26.5" in said
    empty = alternative_text(NOTHING, TABLE_3)
    assert "Measured: nothing yet. Hollow points: Teacher, reported (92.0): 100.0 and 7.5" in empty


def test_the_picture_carries_its_alternative_text_and_is_the_same_each_time(whole):
    drawn = pd.DataFrame({"x": [0.5]})
    first, second = (
        picture(loyalty_figure({"small": whole}, TABLE_3), 'a "quoted" text', "plane", drawn, "<li>them</li>")
        for _ in range(2)
    )
    assert first.html == second.html
    assert first.html.startswith('<img src="data:image/svg+xml;base64,')
    assert 'alt="a &quot;quoted&quot; text"' in first.html and repr(first) == 'a "quoted" text'
    assert picture(loyalty_figure({"small": NOTHING}, TABLE_3), "", "plane", drawn, "").html != first.html
    assert "<li>them</li>" in first.html and 'download="plane.csv"' in first.html


def test_where_nothing_is_drawn_stand_the_words_and_how_to_measure_it(whole):
    figure = loyalty_figure({"small": whole}, TABLE_3)
    shown = picture(figure, "Nothing <yet>.", "plane", pd.DataFrame(), "<li>them</li>")
    assert shown.text == "Nothing <yet>." and "Nothing &lt;yet&gt;." in shown.html
    assert "<li>them</li>" in shown.html and "<img" not in shown.html and "download" not in shown.html


def test_under_a_picture_stand_its_records_and_its_numbers_as_a_file(whole):
    html = loyalty_picture({"small": whole}, TABLE_3).html
    below = re.sub(r"<[^>]*>", "", html[html.index("bc-passport") :])
    assert "small: " in below and "real texts" in below and "--paper loyalty --table table_3" in below
    (data,) = re.findall(r'href="data:text/csv;base64,([^"]*)" download="loyalty_table_3_plane.csv"', html)
    saved = pd.read_csv(BytesIO(base64.b64decode(data))).set_index(["method", "column"])
    assert saved.loc[("kd", "label_loyalty"), "value"] == pytest.approx(91)
    assert saved.loc[("q8_ptq_dynamic", "after_attack_accuracy"), "reported"] == pytest.approx(26.5)
    assert set(saved.reset_index().column) == {"label_loyalty", "after_attack_accuracy", "accuracy"}


def test_tables_of_panels_become_one():
    found = by_panel({"a": pd.DataFrame({"x": [1, 2]}), "b": pd.DataFrame({"x": [3]})})
    assert found.values.tolist() == [["a", 1], ["a", 2], ["b", 3]] and list(found) == ["panel", "x"]
    assert list(by_panel({})) == ["panel"]


def test_a_row_that_the_paper_does_not_have_is_drawn_without_a_reported_point(whole):
    further = Row("further", "Further", TABLE_3.row("kd").recipe)
    table = replace(TABLE_3, rows=(*TABLE_3.rows, further))
    assert reported_points(table) == reported_points(TABLE_3)
    assert "Further (75.0)" in names(loyalty_figure({"small": whole}, table).axes[0])
    assert "nan" not in alternative_text(whole, table)
