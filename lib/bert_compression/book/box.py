"""The box at the beginning of a notebook's page: what it makes, what reading and running it take."""

import nbformat

from bert_compression.experiments import PROFILES, Session
from bert_compression.papers import from_nothing
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
    smoke, small, paper = (from_nothing(*tables, profile=profile) for profile in ("smoke", "small", "paper"))
    return BOX.format(
        name=name.removeprefix("notebooks/"),
        makes="; ".join(_made(table) for table in tables),
        minutes=f"{max(1, round(words / WORDS_A_MINUTE))} min",
        smoke=smoke.cost(),
        small=small.cost(on_gpu=False),
        small_gpu=small.cost(on_gpu=True),
        paper=paper.cost(),
        memory=memory,
        downloads=", ".join(map(_downloads, (small, paper))),
    )


def _made(table: Table) -> str:
    measured = sum(column.measure is not None for column in table.columns)
    return f"{table.title}, {len(table.rows)} lines of {measured} measure{'s' * (measured != 1)}"


def _downloads(session: Session) -> str:
    """Encoders and tasks of all jobs, such as "at `small` all-MiniLM-L6-v2, and the data of sst2"."""
    jobs = session.plan.all_jobs()
    encoders = sorted({job.params["encoder"] for job in jobs if "encoder" in job.params})
    tasks = sorted({job.task for job in jobs if "split" in job.params})
    return f"at `{session.profile.name}` {', '.join(encoders)}, and the data of {', '.join(tasks)}"
