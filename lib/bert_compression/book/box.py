"""The box at the beginning of a notebook's page: what it makes, what reading and running it take."""

import nbformat

from bert_compression.book.execute import ABOUT
from bert_compression.book.handout import WORKSHOP
from bert_compression.experiments import PROFILES, Session
from bert_compression.experiments.environment import processor
from bert_compression.experiments.progress import duration
from bert_compression.papers import from_nothing
from bert_compression.papers.pages import PAGES
from bert_compression.report.tables import Table

WORDS_A_MINUTE = 200
BOX = """\
:::{{admonition}} What this page makes, and what that takes
:class: tip bc-box

- **Makes** {makes}.
- **Reading**: {minutes} min. **Running**, with nothing there yet and in one process: at `smoke` {smoke};
  at `small` {small} ({recorded}), or {small_gpu}; at `paper` {paper}. What is not recorded is predicted.
- **Memory**: {memory}; not measured at `paper`. **Downloads**: none at `smoke`; {downloads}.
- To measure all of it anew, at `small`:
  ```
{commands}
  ```
  Then `bert-compression book --notebook {name} -p profile=small -p data=FOLDER` shows it on this page. That
  builds the whole book, the other pages at `smoke`.
:::
"""
# Of a page that reads committed records, or works on generated English. The most that one took was 0.6 GiB.
SHORT_BOX = """\
:::{{admonition}} What this page takes
:class: tip bc-box

**Reading**: {minutes} min. **Running**: {seconds} on {processor}. **Memory**: less than 1 GiB.
**Downloads**: none.
:::
"""


def box(name: str, notebook: nbformat.NotebookNode) -> str:
    """MyST for the page of an executed notebook ("notebooks/loyalty/table_3_sst2"); nothing for a workshop,
    which says itself how its hours are spent."""
    if name.startswith(WORKSHOP):
        return ""
    words = sum(len(cell.source.split()) for cell in notebook.cells if cell.cell_type == "markdown")
    minutes = max(1, round(words / WORDS_A_MINUTE))
    name = name.removeprefix("notebooks/")
    tables = PAGES.get(name)
    if not tables:
        return SHORT_BOX.format(
            minutes=minutes,
            seconds=duration(notebook.metadata[ABOUT]["seconds"]),
            processor=processor(),
        )
    memory = ", ".join(
        f"{profile.worker_gib} GiB a process at `{profile.name}`"
        for profile in PROFILES.values()
        if profile.workers is None
    )
    smoke, small, paper = (from_nothing(*tables, profile=profile) for profile in ("smoke", "small", "paper"))
    return BOX.format(
        name=name,
        makes="; ".join(_made(table) for table in tables),
        minutes=minutes,
        smoke=smoke.cost(on_gpu=False),
        small=small.cost(on_gpu=False),
        recorded=_recorded(small),
        small_gpu=small.cost(on_gpu=True),
        paper=paper.cost(),
        memory=memory,
        downloads=", ".join(map(_downloads, (small, paper))),
        commands="\n".join(f"  {_command(table)}" for table in tables),
    )


def _recorded(session: Session) -> str:
    """How much of the time is that of committed records: "6.6 h of it recorded, for 270 of 348 jobs"."""
    jobs = {job.identity for job in session.plan.to_run}
    seconds = [record["seconds"] for record in session.results.records if record["identity"] in jobs]
    return f"{duration(sum(seconds))} of it recorded, for {len(seconds)} of {len(jobs)} jobs"


def _command(table: Table) -> str:
    options = f"--paper {table.paper} --table {table.name}"
    return f"bert-compression run --fresh --profile small --data FOLDER {options}"


def _made(table: Table) -> str:
    measured = sum(column.measure is not None for column in table.columns)
    return f"{table.title}, {len(table.rows)} lines of {measured} measure{'s' * (measured != 1)}"


def _downloads(session: Session) -> str:
    """Encoders and tasks of all jobs, such as "at `small` all-MiniLM-L6-v2, and the data of sst2"."""
    jobs = session.plan.all_jobs()
    encoders = sorted({job.params["encoder"] for job in jobs if "encoder" in job.params})
    tasks = sorted({job.task for job in jobs if "split" in job.params})
    return f"at `{session.profile.name}` {', '.join(encoders)}, and the data of {', '.join(tasks)}"
