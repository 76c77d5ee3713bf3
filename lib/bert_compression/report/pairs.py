"""Which pairs of methods differ beyond chance? Every pair of a table, with correction for asking so often."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from html import escape
from itertools import combinations

from bert_compression.errors import Failure
from bert_compression.metrics.paired_tests import min_f_prime
from bert_compression.metrics.significance import holm
from bert_compression.report.layouts import Layout, Measure
from bert_compression.report.per_text import Outcomes
from bert_compression.report.shown import EARLIER, Shown, scrolling_table, tag
from bert_compression.report.tables import signed
from bert_compression.report.verdicts import p_text

LEVEL = 0.05  # of significance, after correction
TEST = "min F′ test over seeds and texts, with Holm’s correction over the {} pairs"
HEADS = ("Pair", "Difference, points", "p", "p corrected", "Seeds", "Texts", "")


@dataclass(frozen=True)
class Pair:
    """Two methods of a table in one measure: the first minus the second, in percentage points, with the p
    value of min F′ and the same corrected by Holm's method for all pairs of the table in that measure."""

    first: str
    second: str
    difference: float
    p_value: float
    corrected: float
    seeds: int
    texts: int
    earlier_code: bool = False

    @property
    def differs(self) -> bool:
        return self.corrected < LEVEL


@dataclass(frozen=True)
class Pairs:
    """All pairs of a table's methods that have been measured, in one measure."""

    layout: Layout
    measure: Measure
    pairs: tuple[Pair, ...]

    @property
    def methods(self) -> list[str]:
        """The methods that occur, in the table's order."""
        seen = {method for pair in self.pairs for method in (pair.first, pair.second)}
        return [row.method for row in self.layout.rows if row.method in seen]

    @property
    def most_seeds(self) -> int:
        return max((pair.seeds for pair in self.pairs), default=0)

    def of(self, first: str, second: str) -> Pair | None:
        """That pair in that order, or None where it has not been measured."""
        for pair in self.pairs:
            if (pair.first, pair.second) == (first, second):
                return pair
            if (pair.second, pair.first) == (first, second):
                return replace(pair, first=first, second=second, difference=-pair.difference)
        return None


def compare_pairs(records: Iterable[Mapping], measure: str, layout: Layout) -> Pairs:
    """Every pair of methods on the texts and seeds that both have, tested by min F′ (`metrics.paired_tests`).

    `measure` is one that is a mean over texts: accuracy, label and probability loyalty, after-attack
    accuracy. Left out are pairs without common records, and methods whose value follows from a definition,
    such as the loyalty of the teacher to itself. Raises BadInput for any other measure.
    """
    outcomes = Outcomes(records, layout)
    noise = outcomes.noise(measure)
    methods = [row.method for row in layout.rows if measure not in row.given]
    pairs = []
    for second, first in combinations(methods, 2):
        try:
            both = outcomes.paired(measure, [first], [second])
        except Failure:
            continue
        test = min_f_prime(both.first, both.second, noise and noise.of_difference())
        difference = 100 * float((both.first - both.second).mean())
        earlier = any(record.get("earlier_code", False) for record in both.records)
        texts, seeds = both.first.shape
        pairs.append(Pair(first, second, difference, test.p_value, test.p_value, seeds, texts, earlier))
    if pairs:
        corrected = holm([pair.p_value for pair in pairs]).tolist()
        pairs = [replace(pair, corrected=p) for pair, p in zip(pairs, corrected, strict=True)]
    return Pairs(layout, layout.measure(measure), tuple(pairs))


def pairs_in_words(compared: Pairs) -> Shown:
    """How many pairs differ, and which, where these are few: a sentence."""
    measure = compared.measure.label.lower()
    if not compared.pairs:
        text = f"No pair has been compared in {measure} yet."
        return Shown(text, markdown=text)
    differing = [pair for pair in compared.pairs if pair.differs]
    names = [f"{a} and {b}" for a, b in (_labels(compared, pair) for pair in differing)]
    few = f": {'; '.join(names)}" if 0 < len(names) <= 6 else ""
    share = f"{len(differing)} of {len(compared.pairs)} pairs differ"
    text = f"In {measure}, {share} beyond chance, at the level of {LEVEL:.0%} after Holm’s correction{few}."
    text = text.replace("%", "\u00a0%")
    return Shown(text, markdown=text)


def pairs_list(compared: Pairs) -> Shown:
    """Every pair with its numbers, those with the smallest p first; folded where there is a browser."""
    rows, plain = "", []
    for pair in sorted(compared.pairs, key=lambda pair: (pair.corrected, pair.p_value)):
        name = " − ".join(_labels(compared, pair))
        mark = " †" if pair.earlier_code else ""
        numbers = [signed(pair.difference) + mark, p_text(pair.p_value), p_text(pair.corrected)]
        numbers += [str(pair.seeds), f"{pair.texts:,}"]
        verdict = "differ" if pair.differs else ""
        plain.append("  ".join((name, *numbers, verdict)).rstrip())
        cells = "".join(tag("td", escape(number), class_="bc-one-line") for number in numbers)
        words = tag("strong", escape(name)) if pair.differs else escape(name)
        rows += tag("tr", tag("th", words, scope="row"), cells, tag("td", verdict))
    head = tag("thead", tag("tr", *(tag("th", title, scope="col") for title in HEADS)))
    label = compared.measure.label.lower()
    caption = f"Pairs of methods, {label}: {TEST.format(len(compared.pairs))}. Bold: the two differ."
    note = tag("p", EARLIER, class_="bc-legend") if any(pair.earlier_code for pair in compared.pairs) else ""
    table = scrolling_table(caption, head, tag("tbody", rows))
    summary = tag("summary", f"{len(compared.pairs)} pairs, {escape(label)}")
    return Shown("\n".join(plain) or "no pairs", html=tag("details", summary, table + note))


def _labels(compared: Pairs, pair: Pair) -> list[str]:
    return [compared.layout.row(method).label for method in (pair.first, pair.second)]
