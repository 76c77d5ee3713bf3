"""The ledger: every claim of the papers with its verdict, and the comparisons that this comes from."""

import json
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from html import escape

from bert_compression.report.claims import Judgement
from bert_compression.report.html import (
    Cell,
    Grid,
    Row,
    Shown,
    folded,
    note,
    simple_table,
    styled,
    table_html,
    tag,
)
from bert_compression.report.records import STALE
from bert_compression.report.rule import AGAINST, LEVEL, NOT_ATTEMPTED, NOT_EVIDENCE, NOTHING_LEARNT
from bert_compression.report.sentences import quotable, said
from bert_compression.report.tables import Derived, Table
from bert_compression.report.verdicts import (
    HEADS,
    Entry,
    comparison,
    comparison_words,
    count_verdicts,
    entries,
    with_symbol,
)


def ledger(judgements: Mapping[str, Sequence[Judgement]], pages: Mapping[Table, str]) -> Shown:
    """One line a claim, folded: its verdict, the sentence, where it stands, how many comparisons ask it;
    unfolded, a line a comparison with what is reported and what was measured.

    `judgements` are those of each paper, by its name, and `pages` has the address of the page that shows a
    table. In the book, the claims can be filtered by paper, by verdict, by method and by words; without a
    script all are there.
    """
    contents, plain = "", []
    for paper, of_paper in judgements.items():
        lines = ""
        for entry in entries(of_paper):
            lines += _line(paper, entry, pages.get(entry.table, ""))
            plain.append(f"{with_symbol(entry.verdict)}  {entry.sentence}")
            plain += [f"    {comparison_words(each)}" for each in entry.judgements]
        contents += tag("section", tag("h3", escape(paper)), lines)
    stale = any(judgement.stale for of_paper in judgements.values() for judgement in of_paper)
    shown = tag("div", contents, class_="bc-ledger") + (note(STALE) if stale else "")
    return Shown("\n".join(plain), html=styled(shown))


def count_by_paper(judgements: Mapping[str, Sequence[Judgement]]) -> Shown:
    """How many claims of each paper ended in which verdict, and how many of ours about it: a list."""
    lines = []
    for paper, found in judgements.items():
        theirs, ours = ([each for each in found if each.claim.ours == mine] for mine in (False, True))
        asked = f" Of ours: {count_verdicts(ours)}" if ours else ""
        lines.append(f"- {paper}: {count_verdicts(theirs)}{asked}")
    return Shown("\n".join(lines), markdown="\n".join(lines))


def families(judgements: Mapping[str, Sequence[Judgement]]) -> Shown:
    """How many tables have comparisons that p decides, and how many of them each? In a sentence."""
    tables = Counter(
        judgement.table
        for of_paper in judgements.values()
        for judgement in of_paper
        if not math.isnan(judgement.p_value)
    )
    if not tables:
        return said("No table has such a comparison yet.")
    few, many = min(tables.values()), max(tables.values())
    return said(
        f"{len(tables)} tables have such comparisons, from {few} to {many} of them. Each has a chance of "
        f"no more than {LEVEL:.0%} to find something where there is nothing; the whole ledger has more."
    )


# Why a comparison has no verdict, by what its judgement says.
REASONS = {
    "records are missing": "records are missing: not measured yet",
    "earlier version": "measured with an earlier version of the code only",
    "has no such model": "the profile has no such model",
    "leaves this task out": "the profile leaves the task out",
    "stand-in": "a public checkpoint could not be had, and what stands in for it is no evidence",
    "whoever does not read": "a model is not surely better than one that does not read",
    "": "another reason, told beside the comparison",
}


def unasked(judgements: Mapping[str, Sequence[Judgement]]) -> Shown:
    """How many comparisons of each paper have no verdict, and why?"""
    rows = []
    for paper, found in judgements.items():
        without = [each for each in found if each.verdict in (NOT_ATTEMPTED, NOTHING_LEARNT, NOT_EVIDENCE)]
        told = Counter(next(words for part, words in REASONS.items() if part in j.reason) for j in without)
        rows += [[paper, words, f"{number} of {len(found)}"] for words, number in told.most_common()]
    return simple_table("Comparisons without a verdict.", ["Paper", "Because", "Comparisons"], rows)


def not_found(judgements: Mapping[str, Sequence[Judgement]]) -> Shown:
    """The sentences that were not reproduced, came out the other way round, or are mixed: a list, each with
    its table and its comparisons that speak against it, and a link to its line in the ledger."""
    lines, plain = "", []
    for paper, found in judgements.items():
        for entry in entries(found):
            against = [comparison_words(each) for each in entry.judgements if each.verdict in AGAINST]
            if against:
                sentence = tag("a", escape(entry.sentence), href=f"#sentence-{entry.name}")
                told = (
                    f"{escape(paper)}, {escape(entry.table.title)}: {len(against)} of {len(entry.judgements)}"
                )
                lines += tag("li", f"{escape(with_symbol(entry.verdict))} {sentence} ({told})")
                plain += [
                    f"{with_symbol(entry.verdict)}  {entry.sentence}",
                    *(f"    {each}" for each in against),
                ]
    return Shown("\n".join(plain), html=tag("ul", lines))


def quote_verdicts(judgements: Sequence[Judgement]) -> None:
    """Make the verdict of each sentence quotable on other pages as `verdict_<name of its first claim>`."""
    for entry in entries(judgements):
        quotable(f"verdict_{entry.name}", with_symbol(entry.verdict))


def _line(paper: str, entry: Entry, page: str) -> str:
    asked = len(entry.judgements)
    stands = dict.fromkeys((entry.judgements[0].claim.where, entry.table.title))
    where = f"{'; '.join(stands)}, {asked} comparison{'s' * (asked > 1)}"
    badge = tag("strong", escape(with_symbol(entry.verdict)), class_="bc-verdict")
    summary = f"{badge} {escape(entry.sentence)} {tag('span', escape(where), class_='bc-where')}"
    rows = [comparison(each) for each in entry.judgements]
    head = [Row([Cell(word, "col") for word in HEADS[1:]])]
    grid = Grid(f"The comparisons of: {entry.sentence}", head, [rows])
    shown_by = tag("a", escape(entry.table.title), href=page) if page else escape(entry.table.title)
    code = f"lib/bert_compression/papers/{entry.table.paper}/claims.py"
    asked_in = tag("a", tag("code", code), href=f"../_sources/{code}")
    rule = tag("a", "this rule", href="#ledger-rule")
    sources = tag("p", f"From {shown_by}, by {rule}; asked in {asked_in}.", class_="bc-legend")
    return folded(
        summary,
        table_html(grid, with_style=False) + sources,
        class_="bc-entry",
        id=f"sentence-{entry.name}",
        data_paper=paper,
        data_verdict=entry.verdict,
        data_methods=json.dumps(_methods(entry)),
    )


def _methods(entry: Entry) -> list[str]:
    """Who is compared: the names of the rows that have models, and of the groups that these stand in."""
    claims = [judgement.claim for judgement in entry.judgements]
    rows = [entry.table.row(method) for claim in claims for side in claim.sides for method in side]
    names = [(row.group, "" if isinstance(row, Derived) else row.short_label) for row in rows]
    return list(dict.fromkeys(name for pair in names for name in pair if name))
