"""Tables over several characteristics: how well foreign inputs are detected, and the paper's few known
numbers.

Book: notebooks/miniature/distribution and claims.
"""

from collections.abc import Mapping
from statistics import fmean

import numpy as np

from bert_compression.papers.miniature.overlap import (
    LARGEST,
    foreign_tasks,
    matrix_of_pairs,
    matrix_of_sets,
    measured_range,
    wrong_answers,
)
from bert_compression.papers.miniature.tables import (
    ATTACK_NAMES,
    DISTRIBUTION,
    ERRORS,
    KS,
    MODELS,
    NEAREST,
    REPRESENTATION,
    WEAKNESSES,
)
from bert_compression.report.html import Shown
from bert_compression.report.passport import measured_table, rests_on
from bert_compression.report.records import NOT_RUN, Source
from bert_compression.report.reported import reported
from bert_compression.report.views import in_two_views

DETECTED = {"auroc": "AUROC (%)", "fpr95": "FPR95 (%)", "flagged": "flagged (%)"}
KEY_NUMBERS = (
    "The key numbers of the paper next to those at profile small, in percent: a range over the five smaller "
    "models, or one model. Neighbours: the 50 nearest, and the range over several numbers K of them."
)


@in_two_views
def ood_table(sources: Mapping[str, Source]) -> Shown:
    """A line a model: how well it tells each set of foreign inputs from those of its own task, by the
    `NEAREST` neighbour that counts, mean over seeds."""
    sets = [(name, task) for name, source in sources.items() for task in foreign_tasks(source)]
    rows: dict[str, list[str]] = {}
    for model in MODELS:
        rows[model] = []
        for name, task in sets:
            for metric in DETECTED:
                records = sources[name].done(DISTRIBUTION, model, f"{task}_{NEAREST}_{metric}")
                values = [100 * record["metrics"][metric] for record in records]
                spread = f" ± {np.std(values, ddof=1):.1f}" if len(values) > 1 else ""
                rows[model].append(f"{np.mean(values):.1f}{spread}" if values else NOT_RUN)
    return measured_table(
        "How well foreign questions are noticed, mean over seeds ± their standard deviation.",
        ["Model", *(word for _ in sets for word in DETECTED.values())],
        [[model, *cells] for model, cells in rows.items()],
        "foreign_questions",
        rests_on(sources, {DISTRIBUTION: ()}),
        groups=[(f"{name}, {task}", len(DETECTED)) for name, task in sets],
    )


def key_numbers(source: Source) -> Shown:
    """A line for each number that the paper reports, several where it can be read in several ways."""
    smallest = list(MODELS)[-1]
    errors = matrix_of_sets(wrong_answers(source)).values[0, 1:]
    by_k = {k: matrix_of_pairs(source, f"neighbour_jaccard_{k}").values[0, 1:] for k in KS}
    at_any = measured_range(np.concatenate([*by_k.values()]))
    neighbours = f"{measured_range(by_k[50])}; {at_any} for K from {KS[0]} to {KS[-1]}"
    shared = {
        "prediction_errors": measured_range(errors),
        "data_representation": neighbours if at_any != NOT_RUN else NOT_RUN,
    }
    lines = []
    for line in reported("miniature", "miniature_key_results").itertuples():
        if line.characteristic in shared:
            low, high = 100 * line.value_low, 100 * line.value_high
            told = shared[line.characteristic]
            lines.append([line.quantity, line.scope, f"{low:.1f} to {high:.1f}", told])
        elif line.characteristic == "adversarial_attack":
            model = smallest if line.scope.startswith("Tiny") else LARGEST
            for recipe, name in ATTACK_NAMES.items():
                for metric, unit in (("degradation", "points"), ("relative_degradation", "relative")):
                    values = [v for _, v in _values(source, model, f"{recipe}_{metric}")]
                    found = f"{fmean(values):.1f}" if values else NOT_RUN
                    quantity = f"{line.quantity}, {name}, {unit}"
                    lines.append([quantity, line.scope, f"{line.value_low:.0f}", found])
        else:
            told = line.characteristic.replace("_", " ")
            lines.append([told, line.scope, "no number", "see its page"])
    tables = (ERRORS, REPRESENTATION, WEAKNESSES)
    rests = rests_on({source.name: source}, dict.fromkeys(tables, ()))
    return measured_table(KEY_NUMBERS, ["", "Of", "Reported", "Measured"], lines, "key_numbers", rests)


def _values(source: Source, model: str, column: str) -> list[tuple[int, float]]:
    return source.values(WEAKNESSES, WEAKNESSES.row(model), WEAKNESSES.column(column))
