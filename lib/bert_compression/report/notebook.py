"""What a notebook needs besides its tables: checked parameters, and numbers that other pages may quote."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from bert_compression.experiments.profiles import get_profile
from bert_compression.report.building.execution import Parameter, check_values
from bert_compression.report.claims import Judgement
from bert_compression.report.tables import signed
from bert_compression.report.verdicts import effect_text

# Plain data is what a parameters cell can set; In and Out are IPython's own.
PLAIN = (str, int, float, list, dict, type(None))
IPYTHON = {"In", "Out"}


def check_parameters(names: Mapping[str, Any]) -> dict[str, Any]:
    """Are the notebook's parameters those that it declares, each of the declared type?

    To be called with `globals()` right after the parameters cell, in which each parameter is written
    `name: type = default`; besides imports nothing else may have been named by then. Returns the parameters;
    an empty text or 0 becomes None, which means "as the profile has it". Raises BadInput for a name that is
    not declared (papermill itself would run on with the default), for a wrong type (a truth value is no
    whole number) and for an unknown profile.
    """
    declared = {name: Parameter(name, kind.__name__, None) for name, kind in names["__annotations__"].items()}
    given = {
        name: value
        for name, value in names.items()
        if isinstance(value, PLAIN) and not name.startswith("_") and name not in IPYTHON
    }
    check_values("this notebook", declared, given)
    if "profile" in given:
        get_profile(str(given["profile"]))
    return {name: given[name] or None for name in declared}


def glue_numbers(tables: Mapping[str, pd.DataFrame], judgements: Sequence[Judgement] = ()) -> None:
    """Make every number of the tables (made by `measured`) quotable on other pages, as text.

    The keys are `<source>_<method>_<measure>` (`small_kd_label_loyalty`), and `reported_<claim>`,
    `effect_<claim>` and `verdict_<claim>`. A key is there whether or not there is a value: the text then is
    "not run" or a dash.
    """
    from myst_nb import glue

    for source, table in tables.items():
        for method, measure, text in zip(table.method, table.measure, table.text, strict=True):
            glue(f"{source}_{method}_{measure}", text, display=False)
    for judgement in judgements:
        name = judgement.claim.name
        glue(f"reported_{name}", signed(judgement.reported), display=False)
        glue(f"effect_{name}", effect_text(judgement), display=False)
        glue(f"verdict_{name}", judgement.verdict, display=False)
