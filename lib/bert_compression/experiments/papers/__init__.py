"""Each paper's grid, a function a table, in the table's row order."""

from bert_compression.errors import BadInput
from bert_compression.experiments.job import Job
from bert_compression.experiments.papers import loyalty
from bert_compression.experiments.profiles import Profile

TABLES = {"loyalty": {"table_3": loyalty.table_3}}


def table_jobs(paper: str, table: str, profile: Profile) -> list[Job]:
    """The jobs whose records fill a table. Raises BadInput for a paper or table that is not there."""
    if paper not in TABLES:
        raise BadInput(f"unknown paper {paper!r}: choose one of {', '.join(TABLES)}")
    if table not in TABLES[paper]:
        raise BadInput(f"unknown table {table!r} of {paper}: choose one of {', '.join(TABLES[paper])}")
    return TABLES[paper][table](profile)
