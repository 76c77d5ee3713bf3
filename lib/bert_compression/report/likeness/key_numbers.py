"""The few numbers that are known of Rai et al. 2024, with ours beside them.

Book: notebooks/miniature/claims.
"""

from collections.abc import Mapping, Sequence
from html import escape

import numpy as np

from bert_compression.report.likeness.matrices import matrix_of_pairs, matrix_of_sets, wrong_answers
from bert_compression.report.likeness.weaknesses import ATTACKS, of_recipe
from bert_compression.report.reported import reported
from bert_compression.report.shown import Shown, scrolling_table, tag

CAPTION = (
    "The key numbers of the paper beside those at profile small, in percent: a range over the five smaller "
    "models, or one model. Neighbours: the 50 nearest."
)
HEADS = ("", "Of", "Reported", "Measured")


def key_numbers(
    errors: Sequence[Mapping], pairs: Sequence[Mapping], attacks: Sequence[Mapping], methods: Sequence[str]
) -> Shown:
    """A line for each number that the paper reports, several where it can be read in several ways. Arguments
    are the records of the tables errors, representation and weaknesses; `methods` the models, the largest
    first."""
    largest, smallest = methods[0], methods[-1]
    shared = {
        "prediction_errors": matrix_of_sets(wrong_answers(errors), methods).values[0, 1:],
        "data_representation": matrix_of_pairs(pairs, methods, "neighbour_jaccard_50").values[0, 1:],
    }
    lines = []
    for line in reported("miniature_key_results").itertuples():
        if line.characteristic in shared:
            low, high = 100 * line.value_low, 100 * line.value_high
            lines.append(
                (line.quantity, line.scope, f"{low:.1f} to {high:.1f}", _range(shared[line.characteristic]))
            )
        elif line.characteristic == "adversarial_attack":
            method = smallest if line.scope.startswith("Tiny") else largest
            for recipe, name in ATTACKS.items():
                for metric, unit in (("degradation", "points"), ("relative_degradation", "relative")):
                    quantity = f"{line.quantity}, {name}, {unit}"
                    found = _mean(of_recipe(attacks, recipe), method, metric)
                    lines.append((quantity, line.scope, f"{line.value_low:.0f}", found))
        else:
            lines.append((line.characteristic.replace("_", " "), line.scope, "no number", "see its page"))
    head = tag("thead", tag("tr", *(tag("th", name, scope="col") for name in HEADS)))
    body = "".join(
        tag("tr", tag("th", escape(quantity), scope="row"), *(tag("td", escape(cell)) for cell in cells))
        for quantity, *cells in lines
    )
    text = "\n".join("  ".join(line) for line in lines)
    return Shown(text, html=scrolling_table(CAPTION, head, tag("tbody", body)))


def _range(values: np.ndarray) -> str:
    there = 100 * values[np.isfinite(values)]
    return f"{there.min():.1f} to {there.max():.1f}" if len(there) else "not run"


def _mean(records: Sequence[Mapping], method: str, metric: str) -> str:
    """Over seeds."""
    found = [
        r["metrics"][metric]
        for r in records
        if r["method"] == method and r["status"] == "ok" and metric in r["metrics"]
    ]
    return f"{100 * np.mean(found):.1f}" if found else "not run"
