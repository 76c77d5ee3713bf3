"""How well models notice inputs that are unlike their training data: a table from records of "outliers".

Book: notebooks/miniature/distribution.
"""

from collections.abc import Mapping, Sequence
from html import escape

import pandas as pd

from bert_compression.report.shown import Shown, scrolling_table, tag

NOTICED = {"auroc": "AUROC (%)", "fpr95": "FPR95 (%)", "flagged": "flagged (%)"}


def outliers_table(sources: Mapping[str, Sequence[Mapping]], methods: Sequence[str], k: int) -> Shown:
    """A line a model: how well it tells each set of foreign questions from those of its own kind, by the
    `k`-th neighbour, mean over seeds."""
    found = pd.DataFrame(
        [
            {
                "source": source,
                "task": r["task"],
                "method": r["method"],
                **{n: r["metrics"][n] for n in NOTICED},
            }
            for source, records in sources.items()
            for r in records
            if (r["kind"], r["status"]) == ("outliers", "ok")
            and r["method"] in methods
            and r["params"]["k"] == k
        ],
        columns=["source", "task", "method", *NOTICED],
    )
    means = 100 * found.groupby(["source", "task", "method"])[list(NOTICED)].mean()
    sets = list(dict.fromkeys((source, task) for source, task, _ in means.index))
    above = "".join(tag("th", escape(f"{s}, {t}"), scope="colgroup", colspan=len(NOTICED)) for s, t in sets)
    below = "".join(tag("th", name, scope="col") for _ in sets for name in NOTICED.values())
    head = tag("thead", tag("tr", tag("th", "Model", scope="col", rowspan=2), above), tag("tr", below))
    lines = ""
    for method in methods:
        cells = ""
        for source, task in sets:
            there = (source, task, method) in means.index
            for name in NOTICED:
                cells += tag("td", f"{means.loc[(source, task, method), name]:.1f}" if there else "not run")
        lines += tag("tr", tag("th", escape(method), scope="row"), cells)
    caption = "How well foreign questions are noticed, mean over seeds."
    return Shown(means.round(1).to_string(), html=scrolling_table(caption, head, tag("tbody", lines)))
