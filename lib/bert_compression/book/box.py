"""The box at the beginning of a notebook's page: what it makes, what reading and running it take."""

from collections.abc import Sequence

import nbformat

from bert_compression.experiments import PROFILES, in_order
from bert_compression.papers import price
from bert_compression.papers.pages import PAGES
from bert_compression.report.tables import Table

WORDS_A_MINUTE = 200
BOX = """\
:::{{admonition}} What this page makes, and what that takes
:class: tip bc-box

- **Makes** {makes}.
- **Reading**: {minutes}. **Running**, with nothing there yet: at `smoke` {smoke}; at `small` {small},
  or {small_gpu}; at `paper` {paper}.
- **Memory**: {memory}. **Downloads**: none at `smoke`; {downloads}.
- Only this page, at `small`: `bert-compression book --notebook {name} -p profile=small -p data=FOLDER`
:::
"""


def box(name: str, notebook: nbformat.NotebookNode) -> str:
    """MyST for the page of a notebook ("loyalty/table_3_sst2"); nothing for one that measures no table.

    Times are predicted for this machine, GPU hours for the one that `bert-compression plan` assumes.
    """
    tables = PAGES.get(name.removeprefix("notebooks/"))
    if not tables:
        return ""
    words = sum(len(cell.source.split()) for cell in notebook.cells if cell.cell_type == "markdown")
    memory = ", ".join(
        f"{profile.worker_gib} GiB a process at `{profile.name}`"
        for profile in PROFILES.values()
        if profile.workers is None
    )
    return BOX.format(
        name=name.removeprefix("notebooks/"),
        makes="; ".join(_made(table) for table in tables),
        minutes=f"{max(1, round(words / WORDS_A_MINUTE))} min",
        smoke=price(*tables, profile="smoke"),
        small=price(*tables, profile="small", on_gpu=False),
        small_gpu=price(*tables, profile="small", on_gpu=True),
        paper=price(*tables, profile="paper"),
        memory=memory,
        downloads=", ".join(_downloads(tables, profile) for profile in ("small", "paper")),
    )


def _made(table: Table) -> str:
    measured = sum(column.measure is not None for column in table.columns)
    return f"{table.title}, {len(table.rows)} lines of {measured} measure{'s' * (measured != 1)}"


def _downloads(tables: Sequence[Table], profile: str) -> str:
    """Encoders and tasks of a profile's jobs, such as "at `small` all-MiniLM-L6-v2, and the data of sst2"."""
    at = PROFILES[profile].at_precision("fp32")
    jobs = in_order(job for table in tables for job in table.jobs(at))
    encoders = sorted({job.params["encoder"] for job in jobs if "encoder" in job.params})
    tasks = sorted({job.task for job in jobs if "split" in job.params})
    return f"at `{profile}` {', '.join(encoders)}, and the data of {', '.join(tasks)}"
