"""A notebook's parameters are those that it declares; its numbers can be quoted on other pages."""

import pytest

from bert_compression.errors import BadInput
from bert_compression.report.claims import judge
from bert_compression.report.notebook import check_parameters, glue_numbers
from bert_compression.report.papers.loyalty_claims import TABLE_3_CLAIMS
from bert_compression.report.papers.loyalty_tables import TABLE_3
from bert_compression.report.tables import measured

DECLARED = {"profile": str, "data": str, "seeds": int, "attacked": int}


def namespace(**given):
    """What `globals()` holds after a notebook's parameters: IPython's names, modules, parameters."""
    ipython = {"In": ["", "..."], "Out": {}, "_": "", "_i1": "...", "__name__": "__main__", "exit": print}
    defaults = {"profile": "smoke", "data": "", "seeds": 0, "attacked": 0}
    return {"__annotations__": DECLARED, "pytest": pytest, **ipython, **defaults, **given}


def test_nothing_given_means_as_the_profile_has_it():
    expected = {"profile": "smoke", "data": None, "seeds": None, "attacked": None}
    assert check_parameters(namespace()) == expected
    assert check_parameters(namespace(seeds=2, data="sst2"))["seeds"] == 2


def test_the_real_globals_of_a_cell_serve():
    names = {}
    exec("import os\nprofile: str = 'small'\nseeds: int = 0\nseeds = 3", names)
    assert check_parameters(names) == {"profile": "small", "seeds": 3}


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"seedz": 3}, "this notebook has no parameter 'seedz': it has profile, data, seeds, attacked"),
        ({"seeds": "3"}, "this notebook needs seeds to be of type int, not '3'"),
        ({"seeds": True}, "this notebook needs seeds to be of type int, not True"),
        ({"seeds": 1.0}, "this notebook needs seeds to be of type int, not 1.0"),
        ({"data": None}, "this notebook needs data to be of type str, not None"),
        ({"profile": "tiny"}, "unknown profile 'tiny': choose one of smoke, small, paper"),
    ],
)
def test_a_wrong_parameter_is_refused_in_one_line(given, message):
    with pytest.raises(BadInput) as error:
        check_parameters(namespace(**given))
    assert str(error.value) == message


def test_numbers_and_verdicts_are_glued_under_their_keys_even_without_values(monkeypatch, whole_table):
    glued = {}
    monkeypatch.setattr("myst_nb.glue", lambda key, text, display: glued.update({key: text}))
    tables = {"small": measured(whole_table(), TABLE_3), "run": measured([], TABLE_3)}
    glue_numbers(tables, judge(whole_table("smoke"), TABLE_3_CLAIMS, TABLE_3))
    assert glued["small_kd_label_loyalty"] == "91.0"
    assert glued["run_kd_label_loyalty"] == "not run"
    assert glued["verdict_ptq_robust_int8"] == "not evidence"
    assert len(glued) == 2 * 7 * 11 + 3 * 17
