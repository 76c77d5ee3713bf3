"""The claims as a table: what the paper reports, what was measured, how sure that is, the verdict."""

import math
from collections import Counter
from collections.abc import Callable, Sequence
from html import escape
from itertools import groupby
from typing import TYPE_CHECKING, NamedTuple

from bert_compression.report.claims import Judgement
from bert_compression.report.estimators import PERCENT
from bert_compression.report.html import Cell, Grid, Line, Row, Shown, note, table_html, tag
from bert_compression.report.passport import below
from bert_compression.report.records import STALE
from bert_compression.report.rule import (
    AGAINST,
    FOR,
    MIXED,
    SENTENCES,
    VERDICTS,
    decide_sentence,
)
from bert_compression.report.tables import Column, Table

if TYPE_CHECKING:
    import pandas as pd

HEADS = ("Claim", "Compared", "Reported", "Measured [95 %]", "p", "Verdict")
CAPTION = (
    "The claims that {} can bear. Reported and measured are differences in percentage points, unless another "
    "unit stands in brackets; measured ones are on the same texts and seeds, with an interval over both. p: "
    "of the same test, after Holm’s correction for all comparisons of the table that it can decide, so that "
    "it may be large beside an interval without 0. Under a claim stands its own verdict."
)
SYMBOLS = {verdict.name: verdict.symbol for verdict in VERDICTS} | {MIXED: "◑"}


class Entry(NamedTuple):
    """A sentence of a paper, as it is asked of one table, with the judgements of its comparisons."""

    table: Table
    sentence: str
    judgements: tuple[Judgement, ...]

    @property
    def name(self) -> str:
        """That of its first claim, by which other pages quote it."""
        return self.judgements[0].claim.name

    @property
    def verdict(self) -> str:
        return decide_sentence([each.verdict for each in self.judgements])


def entries(judgements: Sequence[Judgement]) -> list[Entry]:
    """The sentences of these judgements, in the order in which they first occur."""
    found: dict[tuple[Table, str], list[Judgement]] = {}
    for judgement in judgements:
        found.setdefault((judgement.table, judgement.claim.sentence), []).append(judgement)
    return [Entry(table, sentence, tuple(of)) for (table, sentence), of in found.items()]


def claims_table(judgements: Sequence[Judgement]) -> Shown:
    """One line a comparison, grouped under the sentence that it belongs to, and under its table where there
    are several."""
    titles = list(dict.fromkeys(judgement.table.title for judgement in judgements))
    bodies, plain = [], []
    for table, of_table in groupby(judgements, key=lambda judgement: judgement.table):
        if len(titles) > 1:
            bodies.append([Row([Cell(table.title, "rowgroup", colspan=len(HEADS))], kind="bc-group")])
        for sentence, group in groupby(of_table, key=lambda judgement: judgement.claim.sentence):
            members = list(group)
            whole = with_symbol(decide_sentence([each.verdict for each in members]))
            told = (Line(members[0].claim.where), Line(whole))
            head = [Cell(sentence, "rowgroup", told, "bc-wraps", rowspan=len(members))]
            bodies.append([comparison(each, head if each is members[0] else []) for each in members])
            plain += [f"{sentence}  {comparison_words(each)}" for each in members]
    grid = Grid(CAPTION.format(listed(titles)), [Row([Cell(head, "col") for head in HEADS])], bodies)
    legend = note(STALE) if any(judgement.stale for judgement in judgements) else ""
    rests = tag(
        "li", escape(f"the records of {listed(titles)}, which stand with their command under the table")
    )
    name = "_".join(("claims", *dict.fromkeys(judgement.table.name for judgement in judgements)))
    return Shown("\n".join(plain), html=table_html(grid) + legend + below(rests, name, _numbers(judgements)))


def _numbers(judgements: Sequence[Judgement]) -> "pd.DataFrame":
    """A line a comparison, in the unit of its column; the beginnings of the keys of its records."""
    import pandas as pd

    return pd.DataFrame(
        {
            "claim": judgement.claim.name,
            "sentence": judgement.claim.sentence,
            "table": judgement.table.name,
            "columns": " ".join(judgement.claim.columns),
            "first": " ".join(judgement.claim.sides[0]),
            "second": " ".join(judgement.claim.sides[1]),
            "margin": judgement.claim.margin,
            "reported": judgement.reported,
            "effect": judgement.effect,
            "low": judgement.low,
            "high": judgement.high,
            "p": judgement.p_value,
            "seeds": judgement.seeds,
            "texts": judgement.texts,
            "verdict": judgement.verdict,
            "records": " ".join(key[:12] for key in judgement.keys),
        }
        for judgement in judgements
    )


def in_words(judgements: Sequence[Judgement]) -> Shown:
    """A line for each judgement: what was compared, the effect in percentage points, the verdict. Where they
    are of several columns, each begins with the sentence that it is about, in which these are named."""
    return _told(judgements, lambda judgement: f": **{judgement.verdict}**")


def effects_in_words(judgements: Sequence[Judgement]) -> Shown:
    """The same for comparisons of which nothing is claimed, and which have no verdict."""
    return _told(judgements, lambda judgement: "", several=True)


def _told(
    judgements: Sequence[Judgement], verdict: Callable[[Judgement], str], several: bool = False
) -> Shown:
    lines = []
    several = several or len({judgement.claim.columns for judgement in judgements}) > 1
    for judgement in judgements:
        first, second = _sides(judgement)
        found = f"{effect_text(judgement)} points" if judgement.seeds else judgement.reason
        there_are = not math.isnan(judgement.reported)
        reported = f", where {judgement.claim.signed(judgement.reported)} are reported" if there_are else ""
        margin = "" if judgement.claim.margin is None else f", asked: within ± {judgement.claim.margin:.2g}"
        compared = f"{first} against {second}"
        if several:
            asked = _asked(judgement)
            compared = f"{judgement.claim.sentence} {asked[:1].upper()}{asked[1:]} ({compared})"
        lines.append(f"- {compared}: {found}{reported}{margin}{verdict(judgement)}")
    return Shown("\n".join(lines), markdown="\n".join(lines))


def count_verdicts(judgements: Sequence[Judgement]) -> Shown:
    """How many claims ended in which verdict, and how many comparisons? In two sentences."""
    if not judgements:
        return Shown("no claims", markdown="no claims")
    claims = _counted([entry.verdict for entry in entries(judgements)], "claim")
    comparisons = _counted([judgement.verdict for judgement in judgements], "comparison")
    text = f"{claims}. {comparisons}."
    return Shown(text, markdown=text)


def _counted(verdicts: Sequence[str], what: str) -> str:
    """Such as "3 claims: 2 reproduced, 1 mixed"."""
    counts = Counter(verdicts)
    found = [f"{counts[name]} {name}" for name in SYMBOLS if counts[name]]
    return f"{len(verdicts)} {what}{'s' * (len(verdicts) != 1)}: {', '.join(found)}"


def meanings(judgements: Sequence[Judgement]) -> Shown:
    """What the verdicts that occur here mean, each with its symbol: a list, read from the rule itself."""
    occurring = {judgement.verdict for judgement in judgements}
    found = [verdict for verdict in VERDICTS if verdict.name in occurring]
    return _list([(verdict.name, verdict.meaning) for verdict in found])


def sentence_meanings() -> Shown:
    """How a sentence gets one verdict from those of its comparisons: a list, read from the rule itself."""
    found = _list(SENTENCES)
    sides = f"For it speak {listed(FOR)}; against it {listed(AGAINST)}. Of these, the first that holds:\n\n"
    return Shown(sides + str(found), markdown=sides + str(found))


def _list(named: Sequence[tuple[str, str]]) -> Shown:
    lines = [f"- **{with_symbol(name)}**: {meaning}" for name, meaning in named]
    return Shown("\n".join(lines), markdown="\n".join(lines))


def effect_text(judgement: Judgement) -> str:
    """The measured effect with its interval, or a dash where there is none."""
    return _effect(judgement) + (" (stale)" if judgement.stale else "")


def _effect(judgement: Judgement) -> str:
    if math.isnan(judgement.effect):
        return "–"
    if math.isnan(judgement.low):
        return judgement.claim.signed(judgement.effect)  # a single time, say, tells nothing of others
    effect, low, high = map(judgement.claim.signed, (judgement.effect, judgement.low, judgement.high))
    return f"{effect} [{low}, {high}]"


def comparison(judgement: Judgement, sentence: Sequence[Cell] = ()) -> Row:
    """A line of the table of claims, after the cell of its sentence where that begins here."""
    claim = judgement.claim
    margin = "" if claim.margin is None else f", within ± {claim.margin:.2g}"
    keys = ", ".join(key[:12] for key in judgement.keys)
    compared = Cell(_compared(judgement), "row", (Line(_asked(judgement) + margin),), "bc-wraps")
    stale = (Line("stale"),) if judgement.stale else ()
    verdict = Cell(
        with_symbol(judgement.verdict),
        lines=(Line(judgement.reason),) if judgement.reason else (),
        kind="bc-left bc-wraps",
        style="strong",
        title=f"records {keys}" if keys else "",
    )
    numbers = [
        Cell(judgement.claim.signed(judgement.reported), kind="bc-one-line"),
        Cell(_effect(judgement), lines=stale, kind="bc-one-line"),
        Cell(p_text(judgement.p_value), kind="bc-one-line"),
    ]
    return Row([*sentence, compared, *numbers, verdict], identity=f"claim-{claim.name}")


def comparison_words(judgement: Judgement) -> str:
    """The same line as text."""
    numbers = (judgement.claim.signed(judgement.reported), effect_text(judgement), p_text(judgement.p_value))
    verdict = with_symbol(judgement.verdict)
    return "  ".join((_compared(judgement), _asked(judgement), *numbers, verdict))


def _asked(judgement: Judgement) -> str:
    """What is compared, and of whom where several groups of the table have rows of that name."""
    claim, table = judgement.claim, judgement.table
    if claim.asked:
        return claim.asked
    labels = [_with_unit(table.column(column)) for column in claim.columns]
    names = [_lowered(label) for label in labels]
    column = names[0] if len(names) == 1 else f"mean of {listed(names)}"
    rows = [table.row(method) for side in claim.sides for method in side]
    repeated = sum(other.label == rows[0].label for other in table.rows) > 1
    of_one_group = len({row.group for row in rows}) == 1
    return f"{column}, {_lowered(rows[0].group)}" if repeated and of_one_group else column


def _lowered(label: str) -> str:
    """The label within a line: "accuracy", but "RTE" and "TinyBERT6"."""
    first = label.partition(" ")[0]
    return label if first[1:] != first[1:].lower() else label[:1].lower() + label[1:]


def _with_unit(column: Column) -> str:
    in_points = column.scale == PERCENT
    return column.label if in_points else f"{column.label} ({column.unit})"


def _compared(judgement: Judgement) -> str:
    return " − ".join(_sides(judgement))


def _sides(judgement: Judgement) -> tuple[str, ...]:
    claim = judgement.claim
    if claim.labels:
        return claim.labels
    labels = [[judgement.table.row(method).label for method in side] for side in claim.sides]
    return tuple(names[0] if len(names) == 1 else f"mean of {listed(names)}" for names in labels)


def with_symbol(verdict: str) -> str:
    """A verdict after the sign that tells it from others without colour."""
    return f"{SYMBOLS[verdict]} {verdict}"


def p_text(p: float) -> str:
    """A p value with three digits, or a dash where there is none."""
    return "–" if math.isnan(p) else "< 0.001" if p < 0.001 else f"{p:.3f}"


def listed(names: Sequence[str]) -> str:
    """ "a, b and c" """
    return " and ".join(filter(None, (", ".join(names[:-1]), *names[-1:])))
