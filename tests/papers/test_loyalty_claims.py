"""The loyalty paper's claims agree with its own numbers, and known effects get the verdicts they deserve."""

import math
from dataclasses import replace

import pytest
from made_records import cell_record, mnli_source, source_of

from bert_compression.experiments import Grid, get_profile
from bert_compression.experiments.steps import quantization_of
from bert_compression.papers import committed
from bert_compression.papers.loyalty.claims import (
    CLAIMS,
    MARGINS,
    SEARCH_CLAIMS,
    SEARCH_SST2_CLAIMS,
    TABLE_1_CLAIMS,
    TABLE_2_CLAIMS,
    TABLE_3_CLAIMS,
)
from bert_compression.papers.loyalty.tables import ALL_PAIRS, SEARCH_SST2, TABLE_1, TABLE_2, TABLE_3
from bert_compression.report.claims import judge
from bert_compression.report.rule import (
    LARGER,
    NOT_ATTEMPTED,
    NOT_EVIDENCE,
    NOT_REPRODUCED,
    OPPOSITE,
    REPRODUCED,
    UNDECIDED,
)
from bert_compression.tasks import get_task


@pytest.fixture(scope="module")
def mnli():
    """All records of Tables 1 and 2: three seeds, or one for what is in Table 2 alone."""
    return mnli_source()


# The made records are of Table 1 alone, for all of its rows.
OF_MADE = [replace(claim, table=TABLE_1) if claim.table is ALL_PAIRS else claim for claim in CLAIMS]


def judge_all(source, claims=OF_MADE):
    return {judgement.claim.name: judgement for judgement in judge(source, claims)}


def nothing():
    return judge_all(source_of([]), CLAIMS)


def verdicts(judgements, beginning):
    return [j.verdict for name, j in judgements.items() if name.startswith(beginning)]


def test_names_are_unique_in_the_paper():
    parts = (TABLE_1_CLAIMS, TABLE_2_CLAIMS, TABLE_3_CLAIMS, SEARCH_CLAIMS)
    assert len(nothing()) == len(CLAIMS) == sum(map(len, parts))


def test_each_claim_is_of_its_table():
    for table, claims in ((TABLE_2, TABLE_2_CLAIMS), (TABLE_3, TABLE_3_CLAIMS)):
        assert {claim.table for claim in claims} == {table}
    # Models of Table 1 are compared where both learnt equally long.
    alone = {"distilbert", "tinybert", "theseus"}
    for claim in TABLE_1_CLAIMS:
        elsewhere = alone.isdisjoint(method for side in claim.sides for method in side)
        assert claim.table is (ALL_PAIRS if elsewhere else TABLE_1), claim.name


# The paper says that these do not differ, though elsewhere it calls half a point of the same measure one.
CALLED_NONE = {
    f"mnli_same_probs_{early}_{late}" for early in ("distilbert", "tinybert") for late in ("kd", "pkd")
}


def test_every_claim_agrees_with_its_own_paper():
    for name, found in nothing().items():
        assert found.verdict == NOT_ATTEMPTED
        if found.claim in SEARCH_CLAIMS and math.isnan(found.reported):
            continue  # the paper has one number, and not one a protocol
        if found.claim.margin is None:
            assert found.reported > 0, name
        elif name not in CALLED_NONE:
            assert abs(found.reported) <= found.claim.margin, name
        else:
            assert abs(found.reported) > found.claim.margin, name


def test_margins_are_the_smallest_differences_that_the_paper_calls_one():
    for column, margin in MARGINS.items():
        told = [
            found.reported
            for found in nothing().values()
            if found.claim.columns == (column,)
            and found.claim.margin is None
            and "section" in found.claim.where
        ]
        assert margin == pytest.approx(min(told))


@pytest.mark.parametrize(
    ("name", "reported"),
    [
        ("mnli_ptq_robust_static", 40.2 - 8.1),
        ("mnli_prune_robust", 9.1 - 8.1),
        ("mnli_refitted_q8_ptq", 8.1 - 7.1),
        ("mnli_refitted_head_prune", 8.1 - 7.2),
        ("mnli_theseus_probs", (89.5 + 89.0) / 2 - 82.5),
        ("mnli_same_robust_tinybert_kd", 6.7 - 6.2),
        ("mnli_gains_accuracy_prune_finetune", 84.2 - 83.2),
        ("mnli_after_theseus_kd_int8", 36.5 - 8.0),
        ("mnli_before_dynamic", 40.2 - 7.5),
        ("mnli_costs_labels_head_prune_kd_int8", 93.3 - 89.6),
        ("mnli_costs_probs_theseus_kd_int8", 91.4 - 80.3),
        ("ptq_robust_int8", 26.5 - 7.5),
    ],
)
def test_the_reported_effect_comes_from_the_papers_cells(name, reported):
    assert nothing()[name].reported == pytest.approx(reported)


def test_claims_that_the_text_does_not_make_say_so():
    silent = {claim.name for claim in CLAIMS if claim.where == "not in the text"}
    assert {name for name in silent if "costs" in name} and {name for name in silent if "labels_kd" in name}
    assert len(silent) == 12 + 4


def test_known_effects_get_their_verdicts(mnli):
    found = judge_all(mnli)
    # The records withstand 20 % as the teacher, 60 % and more in two of the three variants, 24 % in int8.
    assert verdicts(found, "mnli_ptq_robust") == [NOT_REPRODUCED, REPRODUCED, REPRODUCED]
    assert verdicts(found, "mnli_theseus") == [LARGER, REPRODUCED]  # 6 points where 1 is reported
    assert found["mnli_kd_probs_q8_ptq_int8"].verdict == OPPOSITE
    assert found["mnli_kd_probs_q8_qat"].verdict == UNDECIDED  # as reported, and no more than noise
    # Within two points, of which half a one is asked.
    assert found["mnli_same_probs_distilbert_pkd"].verdict == UNDECIDED
    assert -2 < found["mnli_same_probs_distilbert_pkd"].low < found["mnli_same_probs_distilbert_pkd"].high < 2
    # What was trained once says nothing of its method, however large it is.
    once = [claim.name for claim in TABLE_2_CLAIMS]
    assert {found[name].verdict for name in once} == {UNDECIDED}
    assert max(found[name].low for name in once) > 30
    assert set(verdicts(found, "ptq_robust")) == {NOT_ATTEMPTED}  # there are no records of SST-2


def test_rows_with_one_seed_are_judged_on_the_seed_they_share(mnli):
    found = judge_all(mnli)
    assert (found["mnli_theseus_probs"].seeds, found["mnli_theseus_probs"].reason) == (3, "")
    assert (found["mnli_gains_probs_theseus"].seeds, found["mnli_gains_probs_theseus"].reason) == (
        1,
        "one model",
    )


def test_nothing_measured_at_smoke_is_judged(mnli):
    smoke = replace(mnli, records=[record | {"profile": "smoke"} for record in mnli.records])
    found = judge(smoke, [claim for claim in OF_MADE if claim.table in (TABLE_1, TABLE_2)])
    assert {judgement.verdict for judgement in found} == {NOT_EVIDENCE}


def test_every_claim_is_judged_on_the_committed_records():
    found = judge(committed(), CLAIMS)
    assert NOT_EVIDENCE not in {judgement.verdict for judgement in found}
    for judgement in found:
        claim = judgement.claim
        asked = [method for side in claim.sides for method in side]
        awaited = claim in SEARCH_CLAIMS or any(steps_round(claim.table.row(method)) for method in asked)
        why = judgement.reason
        if judgement.verdict == NOT_ATTEMPTED:
            old = judgement.stale and "an earlier version" in why
            assert "stand-in" in why or old or (awaited and why == "records are missing"), claim.name
        else:
            assert "stand-in" not in why, claim.name


def steps_round(row) -> bool:
    """Is the row's model rounded as Q8BERT rounds? Such rows are measured again, task by task."""
    grid = Grid(get_profile("small").at_precision("fp32"), get_task("mnli"), 0)
    return quantization_of(row.recipe(grid)) in ("ema", "dynamic")


def test_a_search_in_batches_that_is_judged_alone_is_told_apart_from_one_that_is_not():
    def attack(method, column, outcomes, as_found, seed):
        kept = {"outcomes": [int(each) for each in outcomes], "as_found": [int(each) for each in as_found]}
        kept["queries"] = [9] * len(outcomes)
        return cell_record(SEARCH_SST2, method, column, kept, seed)

    robust, weak, weaker = "1" * 50 + "2" * 50, "1" * 12 + "2" * 88, "1" * 11 + "2" * 89
    records = []
    for seed in (0, 1):
        for method, released in (("teacher", weak), ("q8_ptq_int8", robust), ("q8_ptq_static", weak)):
            alone = weaker if method == "q8_ptq_int8" else weak
            records.append(attack(method, "alone", alone, alone, seed))
            records.append(attack(method, "released", released, alone, seed))
    found = {j.claim.name: j for j in judge(source_of(records), SEARCH_SST2_CLAIMS)}
    assert found["sst2_search_released_int8"].effect == pytest.approx(38)
    assert found["sst2_search_released_int8"].verdict == REPRODUCED
    for column in ("alone", "as_found"):
        assert found[f"sst2_search_{column}_int8"].effect == pytest.approx(-1)
        assert found[f"sst2_search_{column}_int8"].verdict == REPRODUCED
    assert found["sst2_search_fixed_q8_ptq_static"].verdict == REPRODUCED
    for method in ("teacher", "q8_ptq_static"):
        control = found[f"sst2_search_itself_alone_{method}"]
        assert (control.effect, control.low, control.high, control.verdict) == (0, 0, 0, REPRODUCED)


def test_the_gains_lie_where_the_page_says_within_what_was_expected():
    """8 to 16 points for ranges from the batch, searched in batches and judged alone; nothing elsewhere."""
    found = {each.claim.name: each for each in judge(committed("small"), SEARCH_CLAIMS)}
    assert 14 < found["sst2_search_released_int8"].effect < 18
    assert 8 < found["mnli_search_released_int8"].effect < 11
    assert found["mnli_search_released_int8"].high < found["mnli_search_released_int8"].reported
    for name in ("alone_int8", "as_found_int8", "fixed_q8_ptq_static"):
        assert all(abs(found[f"{task}_search_{name}"].effect) < 5 for task in ("sst2", "mnli"))
