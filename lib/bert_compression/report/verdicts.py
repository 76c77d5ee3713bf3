"""The claims as a table: what the paper reports, what was measured, how sure that is, the verdict."""

import math
from collections.abc import Sequence
from html import escape
from itertools import groupby

from bert_compression.report.claims import (
    DIRECTION,
    NOT_ATTEMPTED,
    NOT_EVIDENCE,
    NOT_REPRODUCED,
    REPRODUCED,
    Judgement,
)
from bert_compression.report.layouts import LOYALTY_TABLE_3, Layout
from bert_compression.report.shown import EARLIER, Shown, scrolling_table, tag
from bert_compression.report.tables import signed

SYMBOLS = {REPRODUCED: "✔", DIRECTION: "◐", NOT_REPRODUCED: "✘", NOT_ATTEMPTED: "○", NOT_EVIDENCE: "–"}
HEADS = ("Claim", "Compared", "Reported", "Measured [95 %]", "p", "Verdict")
CAPTION = (
    "The claims that Table 3 can bear. Reported and measured are differences in percentage points, measured "
    "ones on the same texts and averaged over the seeds. p: exact McNemar test, least favourable seed, with "
    "Holm’s correction over the comparisons of one claim."
)


def claims_table(judgements: Sequence[Judgement], layout: Layout = LOYALTY_TABLE_3) -> Shown:
    """One line a comparison, grouped under the sentence that it belongs to."""
    labels = {row.method: row.label for row in layout.rows}
    bodies, plain = "", []
    for sentence, group in groupby(judgements, key=lambda judgement: judgement.claim.sentence):
        members = list(group)
        rows = ""
        for judgement in members:
            claim = judgement.claim
            compared = f"{labels[claim.better]} − {labels[claim.worse]}"
            measure = layout.measure(claim.measure).label.lower()
            numbers = (signed(judgement.reported), effect_text(judgement), _p_value(judgement))
            verdict = f"{SYMBOLS[judgement.verdict]} {judgement.verdict}"
            plain.append("  ".join((sentence, compared, *numbers, verdict)))
            cells = "" if rows else _sentence(sentence, claim.where, len(members))
            cells += tag("th", escape(compared), _small(measure), scope="row")
            cells += "".join(tag("td", escape(number), class_="bc-one-line") for number in numbers)
            cells += tag("td", tag("strong", verdict), _small(judgement.reason), **_place(judgement))
            rows += tag("tr", cells, id=f"claim-{claim.name}")
        bodies += tag("tbody", rows)
    head = tag("thead", tag("tr", *(tag("th", title, scope="col") for title in HEADS)))
    earlier = any(judgement.earlier_code for judgement in judgements)
    note = tag("p", EARLIER, class_="bc-legend") if earlier else ""
    return Shown(text="\n".join(plain), html=scrolling_table(CAPTION, head, bodies) + note)


def in_words(judgements: Sequence[Judgement], layout: Layout = LOYALTY_TABLE_3) -> Shown:
    """A line for each judgement: what was compared, the effect in percentage points, the verdict."""
    labels = {row.method: row.label for row in layout.rows}
    lines = []
    for judgement in judgements:
        claim = judgement.claim
        found = f"{effect_text(judgement)} points" if judgement.seeds else judgement.reason
        lines.append(
            f"- {labels[claim.better]} against {labels[claim.worse]}: {found}, where "
            f"{signed(judgement.reported)} are reported: **{judgement.verdict}**"
        )
    return Shown("\n".join(lines), markdown="\n".join(lines))


def _sentence(sentence: str, where: str, rows: int) -> str:
    return tag("th", escape(sentence), _small(where), scope="rowgroup", rowspan=rows)


def _small(text: str) -> str:
    return tag("span", escape(text), class_="bc-small") if text else ""


def effect_text(judgement: Judgement) -> str:
    """The measured effect with its interval, or a dash where there is none."""
    if math.isnan(judgement.effect):
        return "–"
    mark = " †" if judgement.earlier_code else ""
    return f"{signed(judgement.effect)} [{signed(judgement.low)}, {signed(judgement.high)}]{mark}"


def _p_value(judgement: Judgement) -> str:
    p = judgement.p_value
    return "–" if math.isnan(p) else "< 0.001" if p < 0.001 else f"{p:.3f}"


def _place(judgement: Judgement) -> dict[str, str]:
    keys = ", ".join(key[:12] for key in judgement.keys)
    return {"class_": "bc-left bc-one-line", "title": f"records {keys}" if keys else ""}
