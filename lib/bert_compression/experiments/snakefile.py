"""A plan as a Snakefile, so that Snakemake runs it: a rule a job, whose output is the job's record.
Book: about/many_machines.
"""

import shlex
from collections.abc import Sequence

from bert_compression.errors import BadInput, shown
from bert_compression.experiments.environment import STORE_VARIABLE
from bert_compression.experiments.job import Job, Resolver
from bert_compression.experiments.plan import Plan
from bert_compression.experiments.store import Store


def snakefile(plan: Plan, resolver: Resolver, store: Store, command: Sequence[str]) -> str:
    """The text of a Snakefile with a rule for each job that is to run, by `command` with --job and its key.

    Raises BadInput where the data cannot be had, without which jobs have no keys, and for a store whose path
    Snakemake would misread.
    """
    folder = store.folder.resolve()
    if {"{", "}"} & set(str(folder)):
        raise BadInput(f"Snakemake takes braces for wildcards: the store cannot be {shown(str(folder))}")

    def results(jobs: Sequence[Job]) -> list[str]:
        paths = (Store(folder).result(resolver.key(job)) for job in jobs)
        return list(dict.fromkeys(ascii(str(path)) for path in paths))

    lines = ["import os", "", f"os.environ[{STORE_VARIABLE!r}] = {str(folder)!a}"]
    lines += _rule("all", input=results(plan.to_run) or ["[]"])
    for job in plan.to_run:
        key = resolver.key(job)
        run = shlex.join([*command, "--job", key]).replace("{", "{{").replace("}", "}}")
        lines += _rule(
            f"{job.kind}_{key[:16]}",
            job.title,
            input=results(list(job.inputs.values())),
            output=results([job]),
            shell=[ascii(run)],
        )
    return "\n".join(lines) + "\n"


def _rule(name: str, about: str = "", **parts: Sequence[str]) -> list[str]:
    """The lines of a rule; a part that holds nothing is left out."""
    lines = ["", "", f"rule {name}:", *([f"    {about!a}"] if about else [])]
    for part, values in parts.items():
        if values:
            lines += [f"    {part}:", ",\n".join(f"        {value}" for value in values)]
    return lines
