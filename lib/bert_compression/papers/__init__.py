"""The papers: each a folder with its tables, claims and figures. `measure` and `committed` give the records
of a table to its page."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from bert_compression.errors import BadInput
from bert_compression.experiments import PRECISIONS, Job, Profile, Results, Session, get_profile
from bert_compression.papers import loyalty, miniature, same_model, taylor, xtc
from bert_compression.report.claims import Claim
from bert_compression.report.records import THIS_RUN, Source
from bert_compression.report.tables import Table

PAPERS: dict[str, tuple[Table, ...]] = {
    "loyalty": loyalty.TABLES,
    "taylor": taylor.TABLES,
    "miniature": (
        *miniature.TABLES,
        miniature.CLASSIFIERS_MNLI,
        miniature.CLASSIFIERS_SST2,
        *same_model.TABLES,
    ),
    "xtc": xtc.TABLES,
}
# As readers know the papers.
NAMES = {
    "loyalty": "The loyalty paper",
    "taylor": "The Taylor paper",
    "miniature": "The miniature paper",
    "xtc": "The extreme compression paper",
}
# What they claim.
CLAIMS: dict[str, tuple[Claim, ...]] = {
    "loyalty": loyalty.CLAIMS,
    "taylor": taylor.CLAIMS,
    "miniature": miniature.CLAIMS,
    "xtc": xtc.CLAIMS,
}


def get_tables(paper: str | None = None, table: str | None = None) -> list[Table]:
    """One table, all tables of a paper, or those of all papers.

    Raises BadInput for a paper or table that is not there, and for a table without a paper that several
    papers have.
    """
    if paper is not None and paper not in PAPERS:
        raise BadInput(f"unknown paper {paper!r}: choose one of {', '.join(PAPERS)}")
    tables = [each for name in ([paper] if paper else PAPERS) for each in PAPERS[name]]
    if table is None:
        return tables
    found = [each for each in tables if each.name == table]
    if not found:
        known = dict.fromkeys(each.name for each in tables)
        raise BadInput(f"unknown table {table!r} of {paper or 'any paper'}: choose one of {', '.join(known)}")
    if len(found) > 1:
        papers = ", ".join(each.paper for each in found)
        raise BadInput(f"{papers} each have a {table}: name the paper as well")
    return found


def open_session(
    tables: Sequence[Table],
    profile: Profile,
    data: str | Path | None = None,
    fresh: bool = False,
    workers: int | None = None,
    job: str | None = None,
    from_nothing: bool = False,
) -> Session:
    """The jobs of tables under a profile, planned. Where the profile leaves the precision open, a table goes
    on in that of its committed records, also if `fresh` measures these again; a new one takes this machine's.
    With the key of a `job` that one alone is planned, in whichever precision, perhaps another machine's, it
    has."""
    there = {record["identity"] for record in Results(profile.name).records}
    jobs: dict[str, list[Job]] = {}
    for table in tables:
        decided = [table.decided(profile, there)] if job is None else map(profile.at_precision, PRECISIONS)
        for each in decided:
            jobs.setdefault(table.paper, []).extend(table.jobs(each))
    return Session(jobs, profile, data, fresh, workers, job, from_nothing)


def measure(
    *tables: Table,
    profile: str = "smoke",
    data: str | Path | None = None,
    seeds: int | None = None,
    attacked: int | None = None,
    quiet: bool = False,
    workers: int | None = None,
) -> Source:
    """Run what is missing of these tables, and return the records of their jobs, those of models included.

    `workers` is the number of processes that jobs are handed to; None for what the profile says. Zero or an
    empty text means what the profile has. Raises BadInput for anything unknown among the arguments, or data
    that are not there or not right.
    """
    chosen = get_profile(profile, seeds or None, attacked or None)
    session = open_session(tables, chosen, data or None, workers=workers or None)
    records = session.run(quiet)
    gold = {**session.results.gold, **session.store.gold()}
    return Source(f"{THIS_RUN} ({profile})", chosen, records, gold)


def from_nothing(*tables: Table, profile: str = "paper", seeds: int | None = None) -> Session:
    """All jobs of these tables at a profile, as if none were done, in one process: to ask what they `cost`.
    Needs no data."""
    return open_session(tables, get_profile(profile, seeds), workers=1, from_nothing=True)


def committed(profile: str = "small") -> Source:
    """A profile's committed records."""
    results = Results(profile)
    return Source(profile, get_profile(profile), results.records, results.gold)


def sources(*tables: Table, **settings) -> Mapping[str, Source]:
    """What a page shows next to the paper's numbers, by the words of the column heads: the committed records
    of `small`, those of `paper` where there are any, and this run, measured with `settings` as `measure`
    takes them."""
    kept = [committed(), committed("paper")]
    shown = [source for source in kept if source.name == "small" or any(source.of(t) for t in tables)]
    return {source.name: source for source in (*shown, measure(*tables, **settings))}
