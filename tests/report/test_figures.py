"""The figure shows what the records say, and says it in words, too."""

import pytest

from bert_compression.report.figures import alternative_text, loyalty_figure, measured_points, picture
from bert_compression.report.papers.loyalty_tables import TABLE_1, TABLE_2, TABLE_3
from bert_compression.report.tables import measured


def names(axes):
    return [text.get_text() for text in axes.texts]


def test_every_measured_method_has_a_point_named_with_its_accuracy(whole_table):
    points = measured_points(measured(whole_table(), TABLE_3), TABLE_3)
    assert len(points) == 7
    kd = points["kd"]
    assert (kd.x, kd.y) == (pytest.approx(91.0), pytest.approx(25.0))
    assert kd.name == "KD (75.0)"
    assert points["teacher"].x == 100


def test_bars_show_the_spread_over_seeds(record):
    def both(seed, loyalty, withstood):
        return [
            record("loyalty", "kd", seed, {"label_loyalty": loyalty}),
            record("attack", "kd", seed, {"after_attack_accuracy": withstood}),
        ]

    one = measured_points(measured(both(0, 0.9, 0.1), TABLE_3), TABLE_3)["kd"]
    two = measured_points(measured(both(0, 0.9, 0.1) + both(1, 0.94, 0.1), TABLE_3), TABLE_3)["kd"]
    assert (one.x_spread, one.y_spread) == (0, 0)
    assert two.x_spread == pytest.approx(2 * 2**0.5) and two.y_spread == 0  # deviations -2 and 2


def test_a_method_without_both_measures_is_left_out(record):
    records = [record("loyalty", "kd", 0, {"label_loyalty": 0.9})]
    assert measured_points(measured(records, TABLE_3), TABLE_3) == {}


def test_each_source_gets_a_panel_with_reported_and_measured_points(whole_table):
    figure = loyalty_figure({"small": whole_table(), "this run": []}, TABLE_3)
    full, empty = figure.axes
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["small", "this run"]
    assert len(names(full)) == 7 + 5 and len(names(empty)) == 5
    assert "KD (75.0)" in names(full) and "KD, reported (91.5)" in names(empty)
    hollow = [line for line in full.lines if line.get_markerfacecolor() == "none"]
    assert len(hollow) == 5


def test_reported_values_do_not_stand_beside_generated_english(whole_table):
    axes = loyalty_figure({"this run (smoke)": whole_table("smoke")}, TABLE_3).axes[0]
    assert len(names(axes)) == 7 and not any("reported" in name for name in names(axes))
    assert "reported" not in alternative_text(whole_table("smoke"), TABLE_3)
    assert "reported" in alternative_text(whole_table("small"), TABLE_3)


def assert_readable(axes):
    boxes = [text.get_window_extent() for text in axes.texts]
    frame = axes.get_window_extent()
    for place, box in enumerate(boxes):
        assert frame.x0 <= box.x0 and box.x1 <= frame.x1 and frame.y0 <= box.y0 and box.y1 <= frame.y1
        assert not any(box.overlaps(other) for other in boxes[place + 1 :])


def test_names_overlap_neither_each_other_nor_leave_the_panel(whole_table):
    assert_readable(loyalty_figure({"small": whole_table()}, TABLE_3).axes[0])


@pytest.mark.parametrize(("layout", "rows"), [(TABLE_1, 12), (TABLE_2, 19)], ids=["Table 1", "Table 2"])
def test_many_names_are_readable_too_and_leave_the_reported_points_to_their_shapes(mnli, layout, rows):
    small, nothing = loyalty_figure({"small": mnli, "this run": []}, layout).axes
    assert_readable(small)
    assert len(names(small)) == rows and not any("reported" in name for name in names(small))
    assert all("reported" in name for name in names(nothing)) and names(nothing)
    hollow = {line.get_marker() for line in small.lines if line.get_markerfacecolor() == "none"}
    lines = dict.fromkeys(row.reported for row in layout.rows)
    assert len(hollow) == len(lines)  # a shape of its own for every line of the paper


def test_a_method_has_the_shape_of_the_line_that_it_faces(mnli):
    axes = loyalty_figure({"small": mnli}, TABLE_1).axes[0]
    points = measured_points(measured(mnli, TABLE_1), TABLE_1)

    def shape(x, y):
        at = [line for line in axes.lines if (line.get_xdata()[0], line.get_ydata()[0]) == (x, y)]
        return next(line.get_marker() for line in at if line.get_marker() not in ("None", "|", "_"))

    kd, static, dynamic = (points[m] for m in ("kd", "q8_ptq_static", "q8_ptq_dynamic"))
    assert shape(static.x, static.y) == shape(dynamic.x, dynamic.y) == shape(89.6, 40.2)
    assert shape(kd.x, kd.y) == shape(89.2, 6.2) != shape(89.6, 40.2)


def test_the_alternative_text_holds_the_numbers_of_the_records(whole_table):
    said = alternative_text(whole_table(), TABLE_3)
    assert "KD (75.0): 91.0 and 25.0" in said
    assert "Q8-PTQ, reported (90.1): 91.3 and 26.5" in said
    empty = alternative_text([], TABLE_3)
    assert "Measured: nothing yet. Hollow points: Teacher, reported (92.0): 100.0 and 7.5" in empty


def test_the_picture_carries_its_alternative_text_and_is_the_same_each_time(whole_table):
    first, second = (
        picture(loyalty_figure({"small": whole_table()}, TABLE_3), 'a "quoted" text') for _ in range(2)
    )
    assert first.html == second.html
    assert first.html.startswith('<img src="data:image/svg+xml;base64,')
    assert 'alt="a &quot;quoted&quot; text"' in first.html and repr(first) == 'a "quoted" text'
    assert picture(loyalty_figure({"small": []}, TABLE_3), "").html != first.html
