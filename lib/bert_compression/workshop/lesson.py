"""What a lesson needs around its exercises: a recap for those who come late, questions to unfold, tables."""

from collections.abc import MutableMapping, Sequence
from html import escape
from textwrap import fill
from typing import Any

import numpy
import torch

from bert_compression.report.html import Shown, folded, simple_table, tag
from bert_compression.workshop import measures, methods
from bert_compression.workshop.checks import WIDTH, Check
from bert_compression.workshop.material import real_models, small_models

# In the order of the workshop.
CHECKS: tuple[Check, ...] = (
    measures.check_label_loyalty,
    measures.check_error_overlap,
    measures.check_probability_loyalty,
    methods.check_kd_loss,
    measures.check_overconfidence,
    methods.check_fake_quantize,
    methods.check_binarize,
    methods.check_per_row,
    measures.check_after_attack_accuracy,
    measures.check_lost_alone,
)


def recap(part: int, names: MutableMapping[str, Any]) -> None:
    """Put all that part `part` needs in place, in `names`, the notebook's `globals()`; print what was done.

    Data and models come in where they are missing. Of the functions of earlier parts, the learner's own stay
    where they are right; the book's take the places of the others. So anybody can begin with any part.
    """
    given = {**real_models()._asdict(), **small_models()._asdict()}
    for name, value in {"np": numpy, "torch": torch, **given}.items():
        names.setdefault(name, value)
    earlier = [check for check in CHECKS if check.part < part]
    kept = [check.name for check in earlier if not check.what_is_wrong(names.get(check.name))]
    names.update({check.name: check.reference for check in earlier if check.name not in kept})
    books = [check.name for check in earlier if check.name not in kept]
    print(f"Part {part}: ready.")
    told = {
        "Data and models": given,
        "Your own functions, which are right": kept,
        "The book's functions, where yours are missing or not right": books,
    }
    for what, there in told.items():
        if there:
            print(fill(f"{what}: {', '.join(there)}.", WIDTH))


def unfold(question: str, *answer: str | Shown) -> Shown:
    """A question whose answer, of texts and tables, is hidden until it is unfolded: HTML alone, so that it
    needs no kernel."""
    parts = [part if isinstance(part, Shown) else Shown(part) for part in answer]
    drawn = [part.html or tag("p", escape(part.text)) for part in parts]
    return Shown("\n".join([question, *(part.text for part in parts)]), folded(escape(question), *drawn))


def table(caption: str, heads: Sequence[str], rows: Sequence[Sequence[str | float]]) -> Shown:
    """A table of the learner's own numbers: fractions in percent, and what is no number as it is."""

    def text(value: str | float) -> str:
        return value if isinstance(value, str) else f"{100 * float(value):.1f}".replace("-", "−")

    return simple_table(caption, heads, [[text(value) for value in row] for row in rows])
