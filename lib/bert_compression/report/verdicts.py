"""The claims as a table: what the paper reports, what was measured, how sure that is, the verdict."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from html import escape
from itertools import groupby

from bert_compression.report.claims import (
    DIRECTION,
    NOT_ATTEMPTED,
    NOT_EVIDENCE,
    NOT_REPRODUCED,
    REPRODUCED,
    UNDECIDED,
    VERDICTS,
    Judgement,
)
from bert_compression.report.shown import EARLIER, Shown, scrolling_table, tag
from bert_compression.report.tables import signed

SYMBOLS = {
    REPRODUCED: "✔",
    DIRECTION: "◐",
    UNDECIDED: "◇",
    NOT_REPRODUCED: "✘",
    NOT_ATTEMPTED: "○",
    NOT_EVIDENCE: "–",
}
MEANINGS = {
    REPRODUCED: "the interval lies above 0, and the effect is at least half of the reported one; where two "
    "are said not to differ, the whole interval lies within the margin",
    DIRECTION: "the effect has the right sign, but is surely less than half of the reported one or too "
    "uncertain to tell",
    UNDECIDED: "where two are said not to differ, the interval lies neither within the margin nor beyond it",
    NOT_REPRODUCED: "the effect is 0 or has the other sign, or the interval holds 0 and ends below half of "
    "the reported effect; where two are said not to differ, the whole interval lies beyond the margin",
    NOT_ATTEMPTED: "the records that it takes are not there",
    NOT_EVIDENCE: "the records are of another profile than `small` and `paper`",
}
HEADS = ("Claim", "Compared", "Reported", "Measured [95 %]", "p", "Verdict")
CAPTION = (
    "The claims that {} can bear. Reported and measured are differences in percentage points, measured "
    "ones on the same texts and averaged over the seeds, with an interval over texts. p: min F′ test over "
    "seeds and texts, with Holm’s correction over the comparisons of one claim."
)


def claims_table(judgements: Sequence[Judgement], pages: Mapping[str, str] | None = None) -> Shown:
    """One line a comparison, grouped under the sentence that it belongs to, and under its table where there
    are several. `pages` maps the name of a layout to the address of its page, which has the same line."""
    titles = list(dict.fromkeys(judgement.layout.title for judgement in judgements))
    bodies, plain = "", []
    for layout, of_table in groupby(judgements, key=lambda judgement: judgement.layout):
        if len(titles) > 1:
            heading = tag("th", escape(layout.title), scope="rowgroup", colspan=len(HEADS))
            bodies += tag("tbody", tag("tr", heading, class_="bc-group"))
        page = (pages or {}).get(layout.name, "")
        for sentence, group in groupby(of_table, key=lambda judgement: judgement.claim.sentence):
            members = list(group)
            where = _small(members[0].claim.where)
            head = tag("th", escape(sentence), where, scope="rowgroup", rowspan=len(members))
            rows = [_row(judgement, page, head if judgement is members[0] else "") for judgement in members]
            bodies += tag("tbody", *rows)
            plain += [f"{sentence}  {_plain(judgement)}" for judgement in members]
    head = tag("thead", tag("tr", *(tag("th", title, scope="col") for title in HEADS)))
    earlier = any(judgement.earlier_code for judgement in judgements)
    note = tag("p", EARLIER, class_="bc-legend") if earlier else ""
    table = scrolling_table(CAPTION.format(listed(titles)), head, bodies)
    return Shown(text="\n".join(plain), html=table + note)


def in_words(judgements: Sequence[Judgement]) -> Shown:
    """A line for each judgement: what was compared, the effect in percentage points, the verdict."""
    lines = []
    for judgement in judgements:
        first, second = _sides(judgement)
        found = f"{effect_text(judgement)} points" if judgement.seeds else judgement.reason
        lines.append(
            f"- {first} against {second}: {found}, where "
            f"{signed(judgement.reported)} are reported: **{judgement.verdict}**"
        )
    return Shown("\n".join(lines), markdown="\n".join(lines))


def count_verdicts(judgements: Sequence[Judgement]) -> Shown:
    """How many comparisons ended in which verdict, over how many claims? In a sentence."""
    if not judgements:
        return Shown("no claims", markdown="no claims")
    counts = Counter(judgement.verdict for judgement in judgements)
    claims = {(judgement.layout.name, judgement.claim.sentence) for judgement in judgements}
    found = [f"{counts[verdict]} {verdict}" for verdict in VERDICTS if counts[verdict]]
    size = f"{_counted(len(claims), 'claim')}, {_counted(len(judgements), 'comparison')}"
    text = f"{size}: {', '.join(found)}"
    return Shown(text, markdown=text)


def _counted(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def meanings(judgements: Sequence[Judgement]) -> Shown:
    """What the verdicts that occur here mean, each with its symbol: a list."""
    occurring = {judgement.verdict for judgement in judgements}
    lines = [f"- **{SYMBOLS[v]} {v}**: {MEANINGS[v]}" for v in VERDICTS if v in occurring]
    return Shown("\n".join(lines), markdown="\n".join(lines))


def effect_text(judgement: Judgement) -> str:
    """The measured effect with its interval, or a dash where there is none."""
    if math.isnan(judgement.effect):
        return "–"
    mark = " †" if judgement.earlier_code else ""
    return f"{signed(judgement.effect)} [{signed(judgement.low)}, {signed(judgement.high)}]{mark}"


def _row(judgement: Judgement, page: str, sentence: str) -> str:
    claim = judgement.claim
    identity = f"claim-{claim.name}"
    compared = escape(_compared(judgement))
    if page:
        compared = tag("a", compared, href=f"{page}#{identity}")
    margin = "" if claim.margin is None else f", within ± {claim.margin:g}"
    keys = ", ".join(key[:12] for key in judgement.keys)
    verdict = tag("strong", _verdict(judgement)) + _small(judgement.reason)
    return tag(
        "tr",
        sentence,
        tag("th", compared, _small(_asked(judgement) + margin), scope="row"),
        *(tag("td", escape(number), class_="bc-one-line") for number in _numbers(judgement)),
        tag("td", verdict, class_="bc-left bc-one-line", title=f"records {keys}" if keys else ""),
        id=identity,
    )


def _asked(judgement: Judgement) -> str:
    """The measure, and of whom it is asked where several groups of the table have rows of that name."""
    layout, first = judgement.layout, judgement.claim.sides[0][0]
    label, row = layout.measure(judgement.claim.measure).label, layout.row(first)
    measure = label if label[1:2].isupper() else label[:1].lower() + label[1:]  # "RTE", but "accuracy"
    repeated = sum(other.label == row.label for other in layout.rows) > 1
    return f"{measure}, {row.group[:1].lower()}{row.group[1:]}" if repeated else measure


def _plain(judgement: Judgement) -> str:
    return "  ".join((_compared(judgement), _asked(judgement), *_numbers(judgement), _verdict(judgement)))


def _compared(judgement: Judgement) -> str:
    return " − ".join(_sides(judgement))


def _sides(judgement: Judgement) -> list[str]:
    labels = [[judgement.layout.row(method).label for method in side] for side in judgement.claim.sides]
    return [names[0] if len(names) == 1 else f"mean of {listed(names)}" for names in labels]


def _numbers(judgement: Judgement) -> tuple[str, str, str]:
    return signed(judgement.reported), effect_text(judgement), p_text(judgement.p_value)


def _verdict(judgement: Judgement) -> str:
    return f"{SYMBOLS[judgement.verdict]} {judgement.verdict}"


def _small(text: str) -> str:
    return tag("span", escape(text), class_="bc-small") if text else ""


def p_text(p: float) -> str:
    """A p value with three digits, or a dash where there is none."""
    return "–" if math.isnan(p) else "< 0.001" if p < 0.001 else f"{p:.3f}"


def listed(names: Sequence[str]) -> str:
    """ "a, b and c" """
    return " and ".join(filter(None, (", ".join(names[:-1]), *names[-1:])))
