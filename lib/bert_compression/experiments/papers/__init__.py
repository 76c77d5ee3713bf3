"""Each paper's grid, a function a table, in the table's row order."""

from bert_compression.errors import BadInput
from bert_compression.experiments.job import Job
from bert_compression.experiments.papers import loyalty, miniature, taylor
from bert_compression.experiments.profiles import Profile

TABLES = {
    "loyalty": {
        "table_1": loyalty.table_1,
        "table_2": loyalty.table_2,
        "table_3": loyalty.table_3,
        "quantized_robustness": loyalty.quantized_robustness,
    },
    "taylor": {
        "table_2": taylor.table_2,
        "lambda_sweep": taylor.lambda_sweep,
        "training_sizes": taylor.training_sizes,
    },
    "miniature": {
        "errors": miniature.errors,
        "representation": miniature.representation,
        "distribution": miniature.distribution,
        "weaknesses": miniature.weaknesses,
        "attack_settings": miniature.attack_settings,
        "same_model": miniature.same_model,
    },
}


def table_jobs(paper: str | None, table: str | None, profile: Profile) -> list[Job]:
    """The jobs whose records fill a table, or all tables of the paper, or of all papers (then jobs that two
    tables share come twice). Raises BadInput for a paper or table that is not there, and for a table without
    a paper that several papers have."""
    if paper is not None and paper not in TABLES:
        raise BadInput(f"unknown paper {paper!r}: choose one of {', '.join(TABLES)}")
    tables = {name: TABLES[name] for name in ([paper] if paper else TABLES)}
    if table is None:
        return [
            job for of_paper in tables.values() for jobs_of in of_paper.values() for job in jobs_of(profile)
        ]
    having = [name for name, of_paper in tables.items() if table in of_paper]
    if not having:
        known = dict.fromkeys(name for of_paper in tables.values() for name in of_paper)
        raise BadInput(f"unknown table {table!r} of {paper or 'any paper'}: choose one of {', '.join(known)}")
    if len(having) > 1:
        raise BadInput(f"{', '.join(having)} each have a {table}: name the paper as well")
    return tables[having[0]][table](profile)
