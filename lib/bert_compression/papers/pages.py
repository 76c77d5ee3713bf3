"""Which notebook of the book shows which tables: those that it measures, then those that it quotes."""

from bert_compression.papers import loyalty, miniature, same_model, taylor, xtc
from bert_compression.report.tables import Table

PAGES: dict[str, tuple[Table, ...]] = {
    "loyalty/table_1_mnli": (loyalty.TABLE_1, loyalty.ALL_PAIRS),
    "loyalty/table_2_combinations": (loyalty.TABLE_2,),
    "loyalty/table_3_sst2": (loyalty.TABLE_3,),
    "loyalty/search_and_verdict": (
        loyalty.SEARCH_SST2,
        loyalty.SEARCH_MNLI,
        loyalty.QUANTIZED_ROBUSTNESS,
    ),
    "loyalty/quantized_robustness": (
        loyalty.QUANTIZED_ROBUSTNESS,
        loyalty.ROUNDED_SST2,
        loyalty.ROUNDED_MNLI,
        loyalty.TABLE_1,
    ),
    "taylor/table_2": (taylor.TABLE_2, taylor.TEN_EPOCHS),
    "taylor/does_the_teacher_matter": (taylor.LAMBDA_SWEEP, taylor.TRAINING_SIZES, taylor.TABLE_2),
    "miniature/prediction_errors": (miniature.ERRORS,),
    "miniature/representation": (miniature.REPRESENTATION,),
    "miniature/distribution": (miniature.DISTRIBUTION,),
    "miniature/adversarial_weakness": (miniature.WEAKNESSES, miniature.ATTACK_SETTINGS),
    "miniature/classifiers": (miniature.CLASSIFIERS_MNLI, miniature.CLASSIFIERS_SST2),
    "miniature/same_model": same_model.TABLES,
    "xtc/stages_and_budgets": (xtc.TABLE_C2, xtc.TABLE_C3, xtc.TABLE_C4),
    "xtc/fewer_layers": (xtc.TABLE_C5, xtc.TABLE_C6, xtc.TABLE_C7),
    "xtc/few_bits_and_layers": (
        xtc.TABLE_C8,
        xtc.TABLE_C13,
        xtc.TABLE_C14,
        xtc.TABLE_C15,
        xtc.ACTIVATIONS,
    ),
    "xtc/low_rank": (xtc.TABLE_C9, xtc.TABLE_C10, xtc.TABLE_C11, xtc.TABLE_C12),
    "xtc/seeds": (xtc.TABLE_C16, xtc.TABLE_C17),
    "xtc/data": (xtc.TABLE_C1,),
    "xtc/what_the_bits_weigh": (xtc.LOYALTY, xtc.WEIGHTS, xtc.KERNELS, xtc.TABLE_C2, xtc.TABLE_C8),
}


def page_of(table: Table) -> str:
    """The notebook that shows a table, such as "loyalty/table_3_sst2": the first that measures it."""
    firsts = [name for name, tables in PAGES.items() if tables[0] is table]
    return (firsts or [name for name, tables in PAGES.items() if table in tables])[0]
