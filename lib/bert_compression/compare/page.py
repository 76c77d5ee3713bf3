"""A comparison as three files: a page for people, a card for the model's README, JSON for programs."""

import json
import math
import re
import tempfile
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from jinja2 import Environment, PackageLoader

from bert_compression import __version__
from bert_compression.compare.gate import Decision
from bert_compression.compare.measures import Measure, Measures, Slice, worst_slice
from bert_compression.errors import BadInput, one_line

SCHEMA = 1  # of compare.json: whoever takes away or renames a field raises it
LONGEST = 500  # characters of a text that the page shows

# What the page and the card say of each measure: its name, a title, how it is printed.
VOLUME = (
    ("label_loyalty", "same label (label loyalty)", "percent"),
    ("probability_loyalty", "probability loyalty, base e (from 0.167 to 1)", "number"),
    ("probability_loyalty_base2", "probability loyalty, base 2 (from 0 to 1)", "number"),
    ("kl_teacher_student_mean", "KL(teacher ‖ student), mean", "nats"),
    ("kl_teacher_student_median", "– median", "nats"),
    ("kl_teacher_student_q95", "– 95 % of texts below", "nats"),
    ("kl_teacher_student_q99", "– 99 % of texts below", "nats"),
    ("kl_teacher_student_max", "– largest", "nats"),
    ("kl_student_teacher_mean", "KL(student ‖ teacher), mean", "nats"),
    ("kl_student_teacher_median", "– median", "nats"),
    ("kl_student_teacher_q95", "– 95 % of texts below", "nats"),
    ("kl_student_teacher_q99", "– 99 % of texts below", "nats"),
    ("kl_student_teacher_max", "– largest", "nats"),
    ("teacher_label_probability_change", "change of the teacher’s label’s probability, mean", "signed"),
    ("teacher_label_probability_change_rms", "– root mean square", "number"),
    ("pearson", "grades: Pearson’s correlation", "number"),
    ("spearman", "grades: Spearman’s correlation", "number"),
    ("grade_change", "grades: mean difference, student less teacher", "signed"),
    ("grade_change_absolute", "grades: mean distance", "number"),
)
DIRECTION = (
    ("teacher_accuracy", "accuracy of the teacher", "percent"),
    ("student_accuracy", "accuracy of the student", "percent"),
    ("accuracy_difference", "accuracy difference, student less teacher", "points"),
    ("right_to_wrong", "right became wrong", "percent"),
    ("wrong_to_right", "wrong became right", "percent"),
    ("wrong_to_other_wrong", "wrong became wrong otherwise", "percent"),
    ("mcnemar_p", "p of equal accuracy (McNemar, exact)", "p"),
    ("error_jaccard", "shared errors (Jaccard)", "number"),
    ("error_jaccard_chance", "– by chance at these error rates", "number"),
    ("error_association", "– beyond chance, 1 at most (Cole)", "number"),
    ("teacher_gold_pearson", "teacher and data: Pearson’s correlation", "number"),
    ("student_gold_pearson", "student and data: Pearson’s correlation", "number"),
    ("teacher_gold_spearman", "teacher and data: Spearman’s correlation", "number"),
    ("student_gold_spearman", "student and data: Spearman’s correlation", "number"),
)
CALIBRATION = (
    ("teacher_calibration_error", "expected calibration error of the teacher", "number"),
    ("student_calibration_error", "expected calibration error of the student", "number"),
    ("teacher_brier", "Brier score of the teacher, from 0 to 1", "number"),
    ("student_brier", "Brier score of the student, from 0 to 1", "number"),
    ("temperature", "temperature, from 0.02 to 50, at which the student is nearest to the teacher", "number"),
    ("temperature_explains", "– share of KL(teacher ‖ student) that it takes away", "percent"),
)
COST = (
    ("teacher_bytes", "stored bytes of the teacher", "bytes"),
    ("student_bytes", "stored bytes of the student", "bytes"),
    ("times_smaller", "times smaller", "times"),
    ("teacher_milliseconds_batch_1", "teacher, a text alone", "milliseconds"),
    ("student_milliseconds_batch_1", "student, a text alone", "milliseconds"),
    ("speedup_batch_1", "times as fast, a text alone", "times"),
    ("teacher_milliseconds_batch_32", "teacher, 32 texts at once", "milliseconds"),
    ("student_milliseconds_batch_32", "student, 32 texts at once", "milliseconds"),
    ("speedup_batch_32", "times as fast, 32 texts at once", "times"),
)
ROBUSTNESS = (
    ("teacher_clean_accuracy_of_attacked", "accuracy of the teacher before the attack", "percent"),
    ("student_clean_accuracy_of_attacked", "accuracy of the student before the attack", "percent"),
    ("teacher_after_attack_accuracy", "accuracy of the teacher after the attack", "percent"),
    ("student_after_attack_accuracy", "accuracy of the student after the attack", "percent"),
    (
        "after_attack_accuracy_difference",
        "difference after the attack, student less teacher",
        "points",
    ),
    ("teacher_attack_queries", "queries for a text, teacher", "count"),
    ("student_attack_queries", "queries for a text, student", "count"),
    ("teacher_successes_lost_alone", "successes on the teacher that did not hold alone", "count"),
    ("student_successes_lost_alone", "successes on the student that did not hold alone", "count"),
    ("teacher_adversarial_texts", "texts that fool the teacher", "count"),
    ("transfer_rate", "– of these that the student had right, fool it, too", "percent"),
)
FLOOR = (
    ("largest_change", "largest change of a probability or grade", "number"),
    ("label_loyalty", "same label", "percent"),
    ("probability_loyalty", "probability loyalty", "number"),
    ("grade_change_absolute", "mean distance of grades", "number"),
)
TABLES = {
    "volume": VOLUME,
    "direction": DIRECTION,
    "calibration": CALIBRATION,
    "cost": COST,
    "robustness": ROBUSTNESS,
}
NAMES = (
    *(name for rows in TABLES.values() for name, _, _ in rows),
    *("teacher_parameters", "student_parameters"),  # which the head of the page has
)
CARD = (*VOLUME[:4], *VOLUME[-4:], *DIRECTION[:6], *COST[:3], COST[5], COST[8], *ROBUSTNESS[2:5])


def write(found: Any, folder: Path, decisions: Sequence[Decision]) -> Path:
    """Write compare.html, card.md and compare.json of a `Comparison` into the folder."""
    writable(folder)
    told = as_json(found) | {"requirements": [_decision(each) for each in decisions]}
    files = {
        "compare.json": json.dumps(told, indent=1, ensure_ascii=False, allow_nan=False) + "\n",
        "compare.html": as_html(found, told),
        "card.md": as_card(found, decisions),
    }
    for name, text in files.items():
        unfinished = folder / f".{name}"
        try:
            unfinished.write_text(text, encoding="utf-8", newline="\n")
            unfinished.replace(folder / name)
        except OSError as error:
            unfinished.unlink(missing_ok=True)
            raise BadInput(f"{folder / name} cannot be written: {one_line(error)}") from error
    return folder


def writable(folder: Path) -> None:
    """Make the folder, if it is not there. Raises BadInput where nothing can be written into it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise BadInput(f"nothing can be written into {folder}: {one_line(error)}") from error


def as_json(found: Any) -> dict[str, Any]:
    """All of a comparison as JSON has it: null for what is not defined."""
    worst = worst_slice(found.slices)
    told = {
        "schema": SCHEMA,
        "tool": f"bert-compression {__version__}",
        "data": {
            "name": found.data.name,
            "columns": list(found.data.columns),
            "texts": len(found.data),
            "texts_sha256": found.data.digest,
            "with_labels": found.gold is not None,
        },
        **{name: _side(found, name) for name in ("teacher", "student")},
        "measures": {name: _measure(each) for name, each in found.measures.items()},
        "noise_floor": {
            name: {measure: _measure(each) for measure, each in floor.items()}
            for name, floor in found.floor.items()
        },
        "slices": [_slice(each) for each in found.slices],
        "worst_slice": _slice(worst) if worst else None,
        "reliability": {
            name: {key: list(map(float, values)) for key, values in bins._asdict().items()}
            for name, bins in found.reliability().items()
        },
        "examples": [_example(found, i) for i in found.most_apart],
        "robustness": None
        if found.robustness is None
        else {
            "attack": found.robustness.attack,
            "word_resources": found.robustness.resources,
            "teachers_adversarial_texts": [
                {"text": text, "changed": changed, "fools_the_student": fooled}
                for text, changed, fooled in found.robustness.transferred
            ],
        },
        "notices": list(found.notices),
    }
    return _plain(told)


def as_html(found: Any, told: Mapping[str, Any]) -> str:
    """The page: one file, no request, everything escaped."""
    tables = {name: _rows(found.measures, rows) for name, rows in TABLES.items()}
    return _template().render(
        told=told,
        tables=tables,
        floor={name: _rows(floor, FLOOR) for name, floor in found.floor.items()},
        slices=[
            (each, printed(each.measure, _slice_style(each)), _number(each.corrected, "p"))
            for each in found.slices
        ],
        worst=worst_slice(found.slices),
        printed=printed,
        measures=found.measures,
        flow=_flow(found),
        regression=found.regression,
        shortened=shortened,
        percent=lambda value: _number(value, "percent"),
    )


def as_card(found: Any, decisions: Sequence[Decision]) -> str:
    """A card in Markdown, whose head is a `model-index` as the hub reads it."""
    teacher, student = found.teacher.name, found.student.name
    metrics = [
        {"type": name, "name": title, "value": _plain(found.measures[name].value)}
        for name, title, _ in CARD
        if name in found.measures and found.measures[name].kind != "median"  # of this machine and this hour
    ]
    result = {
        "task": {"type": "text-classification"},
        "dataset": {"type": found.data.name, "name": found.data.name},
        "metrics": metrics,
    }
    # JSON in one line is YAML, whatever stands in a name.
    index = json.dumps([{"name": student, "results": [result]}], ensure_ascii=False, allow_nan=False)
    lines = [
        "---",
        f"model-index: {index}",
        "---",
        "",
        f"# How loyal is {_markdown(student)} to {_markdown(teacher)}?",
        "",
        f"Compared on {len(found.data):,} texts of {_markdown(found.data.name)}. How much two models differ "
        "does not say in which direction: read loyalty and accuracy apart.",
        "",
        *summary(found),
    ]
    worst = worst_slice(found.slices)
    lines.append("")
    if worst:
        share = printed(worst.measure, _slice_style(worst))
        lines.append(
            f"Worst slice beyond chance (Holm): {_markdown(worst.group)} {_markdown(worst.name)}, "
            f"{'distance of grades' if found.regression else 'same label'} {share[0]}, n = {worst.measure.n}."
        )
    else:
        lines.append("No slice of the texts is worse than the others beyond chance (Holm).")
    lines += ["", *(f"- {_markdown(notice)}" for notice in found.notices)]
    lines += [f"- gate {_markdown(str(each))}" for each in decisions]
    return "\n".join(lines).rstrip() + "\n"


def summary(found: Any) -> list[str]:
    """The chief measures as a table in Markdown, line by line."""
    lines = ["| measure | value | 95 % interval (of times: least to largest) | texts |", "|---|---|---|---|"]
    for title, value, interval, n in _rows(found.measures, CARD):
        lines.append(f"| {title} | {value} | {interval or '–'} | {n or '–'} |")
    return lines


def printed(measure: Measure, style: str) -> tuple[str, str]:
    """A measure and its interval as a reader sees them, or of rounds the fastest and the slowest; "" where
    there is neither."""
    if math.isnan(measure.value):
        return "not defined", ""
    value = _number(measure.value, style)
    if measure.kind in ("exact", "estimate") or measure.low is None:
        return value, ""
    rounds = f", n = {measure.n}" if measure.kind == "median" else ""
    return value, f"{_number(measure.low, style)} to {_number(measure.high, style)}{rounds}"


def shortened(text: str) -> str:
    """A text as the page shows it."""
    more = len(text) - LONGEST
    return text if more <= 0 else f"{text[:LONGEST]}… ({more:,} more characters)"


def _number(value: float, style: str) -> str:
    if style == "percent":
        # Only what is all of them reads 100 %, and only what is none 0.0 %.
        digits = 1
        while 0 < value < 1 and digits < 4 and round(100 * value, digits) in (0, 100):
            digits += 1
        rounded = "99.9999" if 0.999999 < value < 1 else f"{100 * value:.{digits}f}"
        return f"{'100' if value == 1 else rounded}\N{NO-BREAK SPACE}%"
    if style == "bytes":
        return f"{value / 1e6:,.2f} MB"
    if style in ("number", "nats") and 0 < abs(value) < 0.0001:
        return f"{value:.0e}"
    if style == "p" and value < 0.0001:
        return "less than 0.0001"
    if style == "points" and round(100 * value, 1) == 0:
        return "0.0 points"
    told = {
        "points": lambda: f"{100 * value:+.1f} points",
        "signed": lambda: f"{value:+.4f}",
        "number": lambda: f"{value:.4f}",
        "nats": lambda: f"{value:.4f}",
        "p": lambda: f"{value:.4f}",
        "count": lambda: f"{value:,.0f}",
        "times": lambda: f"{value:.2f}",
        "milliseconds": lambda: f"{value:.1f} ms",
    }[style]()
    return told.replace("-", "−")


def _rows(measures: Measures, rows: Sequence[tuple[str, str, str]]) -> list[tuple[str, str, str, int | None]]:
    """Titles, values, intervals, and of how many texts they are: a cost is of none."""
    return [
        (title, *printed(measures[name], style), None if row in COST else measures[name].n)
        for row in rows
        for name, title, style in [row]
        if name in measures
    ]


def _flow(found: Any) -> list[tuple[str, str, float]]:
    """Of all texts, the shares that stayed and that changed: a class of the style, words, a share."""
    if found.regression:
        return []
    loyalty = found.measures["label_loyalty"].value
    if found.gold is None:
        return [("same", "same label", loyalty), ("other", "another label", 1 - loyalty)]
    right = found.teacher.values.argmax(axis=1) == found.gold
    parts = [
        ("right", "same label, right", float((found.agreement & right).mean())),
        ("same", "same label, wrong", float((found.agreement & ~right).mean())),
    ]
    parts += [
        (name, title, found.measures[measure].value)
        for name, title, measure in (
            ("gained", "wrong became right", "wrong_to_right"),
            ("lost", "right became wrong", "right_to_wrong"),
            ("other", "wrong, otherwise", "wrong_to_other_wrong"),
        )
    ]
    return [part for part in parts if part[2] > 0]


def _side(found: Any, name: str) -> dict[str, Any]:
    side = getattr(found, name)
    return {
        **side.facts,
        "name": side.name,
        "labels": list(side.labels),
        "batch_dependent": found.batch_dependent[name],
        "texts_cut": None if side.cut is None else int(side.cut.sum()),
    }


def _example(found: Any, i: int) -> dict[str, Any]:
    told: dict[str, Any] = {"row": i + 1, "text": list(found.data.texts[i])}
    for name, side in (("teacher", found.teacher), ("student", found.student)):
        values = side.values[i]
        if found.regression:
            told[name] = {"grade": float(values[0])}
        else:
            told[name] = {"label": side.labels[values.argmax()], "probability": float(values.max())}
    if found.gold is not None:
        gold = found.gold[i]
        told["gold"] = float(gold) if found.regression else found.teacher.labels[gold]
    return told


def _measure(measure: Measure) -> dict[str, Any]:
    told = measure._asdict()
    return told if measure.bootstrap else {key: value for key, value in told.items() if key != "bootstrap"}


def _slice(part: Slice) -> dict[str, Any]:
    return {**part._asdict(), "measure": _measure(part.measure)}


def _slice_style(part: Slice) -> str:
    return "percent" if part.measure.kind == "share" else "number"


def _decision(decision: Decision) -> dict[str, Any]:
    return {
        "requirement": str(decision.requirement),
        "outcome": decision.outcome,
        "measured": _measure(decision.measure),
        "n": decision.measure.n,
        "reason": decision.reason,
        "told": decision.told,
    }


def _plain(value: Any) -> Any:
    """The same in what JSON knows; null for NaN and infinity."""
    if isinstance(value, Mapping):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if isinstance(value, float | np.floating):
        return float(value) if math.isfinite(value) else None
    return int(value) if isinstance(value, np.integer) else value


def _markdown(text: str) -> str:
    """Plain text in Markdown, in one line."""
    return re.sub(r"([\\`*_{}\[\]()<>#+!|~&])", r"\\\1", " ".join(text.split()))


@cache
def _template():
    loader = PackageLoader("bert_compression.compare", "")
    environment = Environment(loader=loader, autoescape=True, trim_blocks=True, lstrip_blocks=True)
    return environment.get_template("compare.html.jinja")
