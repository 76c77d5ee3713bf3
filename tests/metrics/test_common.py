"""What kind of thing each metric is. A metric that stands in no list fails here, so that a new one is thought
about: does it mind which model comes first, does it mind the order of examples, where does it end?"""

import importlib
import inspect
import math
import pkgutil

import numpy as np
import pytest

from bert_compression import metrics

EXAMPLES = 60
CONSTANTS = {"ALREADY_WRONG", "FOOLED", "GLUE_AVERAGE", "SCORES", "TAILS", "WITHSTOOD"}
TYPES = {"Estimate", "MinF", "Reliability", "SeedNoise", "StandardError"}
TEXT_TO_TEXT = {"normalized_answer"}
OF_SCORES = {"glue_average"}  # of a task each, and no examples
OF_ERRORS = {
    "min_f_errors",
    "satterthwaite",
    "seed_error",
    "spread_interval",
    "spread_ratio",
}  # of an estimate; see test_significance
OF_COUNTS = {"share_interval", "bounded_mean_interval"}  # or of a scale; see test_shares
METRICS = set(metrics.__all__) - CONSTANTS - TYPES - TEXT_TO_TEXT - OF_SCORES - OF_ERRORS - OF_COUNTS
METRICS = sorted(METRICS)


def draw(name: str, seed: int = 0) -> tuple[np.ndarray, ...]:
    """Random arguments for the metric of that name, one row an example."""
    random = np.random.default_rng(seed)
    first = random.integers(0, 2, EXAMPLES)
    labels = (first, np.where(random.uniform(size=EXAMPLES) < 0.7, first, 0))
    distributions = tuple(random.dirichlet([0.5, 0.5, 0.5], (2, EXAMPLES)))
    more = np.random.default_rng(100 + seed)
    masks = more.integers(0, 2, (EXAMPLES, 3)) | more.integers(0, 2, (EXAMPLES, 1))  # (examples, models)
    layers = more.normal(size=(2, EXAMPLES, 2, 4)) + more.normal(size=(EXAMPLES, 2, 4))
    neighbours = tuple(more.permuted(np.tile(np.arange(12), (2, EXAMPLES, 1)), axis=2)[..., :5])
    predicted = (distributions[0], more.integers(0, 3, EXAMPLES))
    attacked = np.random.default_rng(200 + seed)
    outcomes, queries = attacked.integers(0, 3, (EXAMPLES, 2, 3)), attacked.integers(1, 99, EXAMPLES)
    many = np.random.default_rng(300 + seed)
    words = [" ".join(attacked.choice(["red", "green", "blue"], 4)) for _ in range(2 * EXAMPLES)]
    gold = np.empty(EXAMPLES, dtype=object)  # a list of gold answers a question; every fifth has none
    gold[:] = [[answer] if place % 5 else [] for place, answer in enumerate(words[EXAMPLES:])]
    return {
        "accuracy": labels,
        "f1": labels,
        "matthews_correlation": labels,
        "pearson_correlation": tuple(random.normal(size=(2, EXAMPLES)) + random.normal(size=EXAMPLES)),
        "spearman_correlation": tuple(random.normal(size=(2, EXAMPLES)) + random.normal(size=EXAMPLES)),
        "score_contributions": labels,
        "score_interval": labels,
        "attack_summary": (random.integers(0, 3, EXAMPLES), labels[0], random.integers(1, 99, EXAMPLES)),
        "bootstrap_interval": (random.uniform(size=EXAMPLES),),
        "holm": (random.uniform(0, 0.1, EXAMPLES),),
        **dict.fromkeys(("label_agreements", "label_loyalty"), labels),
        "mcnemar": labels,
        **dict.fromkeys(
            ("min_f_interval", "min_f_prime"),
            tuple(many.uniform(size=(2, EXAMPLES, 12)) + many.uniform(size=(EXAMPLES, 1))),
        ),
        "paired_share_interval": labels,
        "paired_bootstrap_interval": tuple(random.uniform(size=(2, EXAMPLES))),
        "kl_divergences": distributions,
        "matching_temperature": (distributions[0], 0.7 * distributions[0] + 0.3 * distributions[1]),
        "at_temperature": distributions[:1],
        "probability_loyalties": distributions,
        "probability_loyalty": distributions,
        "seed_noise": (random.uniform(size=(EXAMPLES, 3)),),
        **dict.fromkeys(("error_association", "error_jaccard"), (masks[:, 0], masks[:, 1])),
        **dict.fromkeys(ACROSS - {"linear_cka_matrix"}, (masks,)),
        "error_overlap_difference": (np.column_stack([masks[:, 0], masks[:, 0] | masks[:, 1]]), masks[:, 1:]),
        **dict.fromkeys(("degradation", "withstood"), (outcomes[:, 0, 0],)),
        "relative_degradation_difference": (outcomes[:, 0], outcomes[:, 1]),
        **dict.fromkeys(
            ("accuracy_within_budget", "queries_per_success", "query_contributions"),
            (outcomes[:, 0, 0], queries),
        ),
        **dict.fromkeys(("answer_f1", "exact_match"), ("red " * (1 + seed), ["red"])),
        "squad_scores": (np.array(words[:EXAMPLES]), gold),
        "expected_error_jaccard": tuple(more.uniform(size=2)),
        "expected_neighbour_jaccard": (more.integers(20, 100),),
        **dict.fromkeys(("linear_cka", "neighbour_jaccard"), tuple(layers[:, :, 0])),
        "linear_cka_matrix": tuple(layers),
        "nearest_neighbours": (layers[0, :, 0],),
        "neighbour_jaccards": neighbours,
        "nearest_distances": tuple(layers[:, :, 0]),
        **dict.fromkeys(("outlier_auroc", "outlier_fpr"), tuple(more.uniform(size=(2, EXAMPLES)))),
        "outlier_threshold": (more.uniform(size=EXAMPLES),),
        **dict.fromkeys(("brier_score", "expected_calibration_error", "reliability"), predicted),
    }[name]


def flat(value) -> np.ndarray:
    return np.asarray(list(value.values()) if isinstance(value, dict) else value, dtype=float).ravel()


SCORED = {"score_interval": metrics.f1, "score_contributions": "f1"}  # what these are asked for
NEAREST = {"expected_neighbour_jaccard", "nearest_distances", "nearest_neighbours", "neighbour_jaccard"}
K = 5  # of those
BUDGETS = [0, 30, 60]  # of queries
TEMPERATURE = 2.0
# Take models or layers first, examples second
ACROSS = {"error_jaccard_intervals", "error_jaccard_matrix", "resampled_error_jaccards", "linear_cka_matrix"}
ACROSS |= {"error_association_matrix", "resampled_error_associations"}
ACROSS |= {"error_overlap_difference", "relative_degradation_difference"}  # seeds first
ASSOCIATIONS = {"error_association", "error_association_matrix", "resampled_error_associations"}


def measure(name: str, *arguments) -> np.ndarray:
    score, k = (SCORED[name],) if name in SCORED else (), (K,) if name in NEAREST else ()
    k = (BUDGETS,) if name == "accuracy_within_budget" else (TEMPERATURE,) if name == "at_temperature" else k
    if name in ACROSS:
        arguments = tuple(argument.swapaxes(0, 1) for argument in arguments)
    return flat(getattr(metrics, name)(*score, *arguments, *k))


# Exchanging the two models
SYMMETRIC = {"accuracy", "label_loyalty", "mcnemar", "min_f_prime", "probability_loyalties"}
SYMMETRIC |= {"label_agreements"}
SYMMETRIC |= {"probability_loyalty", "f1", "matthews_correlation", "pearson_correlation"}
SYMMETRIC |= {"spearman_correlation", "score_contributions", "score_interval"}
SYMMETRIC |= {"error_association", "error_jaccard", "expected_error_jaccard", "linear_cka"}
SYMMETRIC |= {"neighbour_jaccard", "neighbour_jaccards"}
TRANSPOSED = {"linear_cka_matrix"}
SIGNED = {
    "min_f_interval",
    "paired_bootstrap_interval",
    "paired_share_interval",
    "relative_degradation_difference",
}
REFERENCE_FIRST = {"error_overlap_difference", "kl_divergences", "matching_temperature"}
NOT_OF_TWO_MODELS = {"attack_summary", "bootstrap_interval", "holm", "seed_noise"}
NOT_OF_TWO_MODELS |= ACROSS - TRANSPOSED - SIGNED - REFERENCE_FIRST
NOT_OF_TWO_MODELS |= {"brier_score", "expected_calibration_error", "reliability"}
NOT_OF_TWO_MODELS |= {"expected_neighbour_jaccard", "nearest_distances", "nearest_neighbours"}
NOT_OF_TWO_MODELS |= {"outlier_auroc", "outlier_fpr", "outlier_threshold"}
NOT_OF_TWO_MODELS |= {"accuracy_within_budget", "degradation", "queries_per_success", "withstood"}
NOT_OF_TWO_MODELS |= {"query_contributions"}
NOT_OF_TWO_MODELS |= {"answer_f1", "exact_match", "squad_scores"}
NOT_OF_TWO_MODELS |= {"at_temperature"}

# Rearranging the examples
ORDER_INVARIANT = {"accuracy", "attack_summary", "label_loyalty", "mcnemar", "min_f_interval"}
ORDER_INVARIANT |= {"min_f_prime"}
ORDER_INVARIANT |= {"probability_loyalty", "seed_noise", "f1", "matthews_correlation"}
ORDER_INVARIANT |= {"pearson_correlation", "spearman_correlation"}
ORDER_INVARIANT |= {"brier_score", "expected_calibration_error", "reliability", "outlier_threshold"}
ORDER_INVARIANT |= {"error_association", "error_jaccard", "linear_cka", "neighbour_jaccard"}
ORDER_INVARIANT |= {"accuracy_within_budget", "queries_per_success", "squad_scores"}
ORDER_INVARIANT |= {"matching_temperature", "paired_share_interval"}
ORDER_INVARIANT |= ACROSS - {"relative_degradation_difference"}
OF_TWO_SETS_OF_EXAMPLES = {"outlier_auroc", "outlier_fpr"}  # which are not paired
ONE_VALUE_AN_EXAMPLE = {"holm", "probability_loyalties", "score_contributions"}
ONE_VALUE_AN_EXAMPLE |= {"kl_divergences", "query_contributions"}
ONE_VALUE_AN_EXAMPLE |= {"label_agreements", "nearest_distances", "neighbour_jaccards", "withstood"}
PLACES_OF_EXAMPLES = {"nearest_neighbours"}  # see test_representation
ONE_ROW_AN_EXAMPLE = {"at_temperature"}  # see test_calibration
NOT_OF_EXAMPLES = {"expected_error_jaccard", "expected_neighbour_jaccard"}
OF_ONE_EXAMPLE = {"answer_f1", "exact_match"}
RANDOM_DRAWS = {"bootstrap_interval", "paired_bootstrap_interval", "score_interval"}
RANDOM_DRAWS |= {"degradation", "relative_degradation_difference"}

# Where the values lie
BOUNDED = {
    "accuracy": (0, 1),
    "holm": (0, 1),
    **dict.fromkeys(("label_agreements", "label_loyalty"), (0, 1)),
    "mcnemar": (0, 1),
    "probability_loyalties": (1 - math.sqrt(math.log(2)), 1),
    "probability_loyalty": (1 - math.sqrt(math.log(2)), 1),
    "at_temperature": (0, 1),
    "kl_divergences": (0, math.log(1e12)),
    "matching_temperature": (1 / 50, 50),
    "paired_share_interval": (-1, 1),
    "f1": (0, 1),
    "score_interval": (0, 1),
    **dict.fromkeys(("brier_score", "error_jaccard", "expected_calibration_error", "linear_cka"), (0, 1)),
    **dict.fromkeys(("expected_error_jaccard", "expected_neighbour_jaccard"), (0, 1)),
    **dict.fromkeys(("neighbour_jaccard", "neighbour_jaccards", "outlier_auroc", "outlier_fpr"), (0, 1)),
    **dict.fromkeys(ACROSS, (0, 1)),
    **dict.fromkeys(ASSOCIATIONS, (-1, 1)),
    **dict.fromkeys(("error_overlap_difference", "relative_degradation_difference"), (-1, 1)),
    **dict.fromkeys(("accuracy_within_budget", "degradation", "withstood"), (0, 1)),
    **dict.fromkeys(("answer_f1", "exact_match", "squad_scores"), (0, 1)),
    **dict.fromkeys(("nearest_distances", "outlier_threshold"), (0, 2)),
    "nearest_neighbours": (0, EXAMPLES - 1),
    **dict.fromkeys(("matthews_correlation", "pearson_correlation", "spearman_correlation"), (-1, 1)),
}
BOUNDED_BY_THE_VALUES = {"bootstrap_interval", "paired_bootstrap_interval"}
COUNTS_AND_FRACTIONS = {"attack_summary", "queries_per_success", "reliability"}
# Nothing bounds these.
STATISTICS = {"min_f_interval", "min_f_prime", "query_contributions", "score_contributions", "seed_noise"}


@pytest.mark.parametrize(
    "lists",
    [
        (SYMMETRIC, SIGNED, TRANSPOSED, REFERENCE_FIRST, NOT_OF_TWO_MODELS),
        (
            ORDER_INVARIANT,
            OF_TWO_SETS_OF_EXAMPLES,
            ONE_VALUE_AN_EXAMPLE,
            PLACES_OF_EXAMPLES,
            ONE_ROW_AN_EXAMPLE,
            RANDOM_DRAWS,
            NOT_OF_EXAMPLES,
            OF_ONE_EXAMPLE,
        ),
        (set(BOUNDED), BOUNDED_BY_THE_VALUES, COUNTS_AND_FRACTIONS, STATISTICS),
    ],
    ids=["exchange", "order", "bounds"],
)
def test_every_public_metric_stands_in_exactly_one_list(lists):
    assert sorted(name for names in lists for name in names) == METRICS


def test_the_face_shows_every_metric_of_the_room():
    shared = {"cosine_blocks", "unit_rows"}  # by representation and ood, and no metrics
    defined = set()
    for module in pkgutil.iter_modules(metrics.__path__, "bert_compression.metrics."):
        if not module.name.rpartition(".")[2].startswith("_"):
            members = inspect.getmembers(importlib.import_module(module.name))
            own = {name for name, value in members if getattr(value, "__module__", "") == module.name}
            defined |= {name for name in own if not name.startswith("_")}
    assert defined - shared == set(metrics.__all__) - CONSTANTS


@pytest.mark.parametrize("name", METRICS)
def test_every_metric_depends_on_what_it_is_given(name):
    assert not np.array_equal(measure(name, *draw(name, 0)), measure(name, *draw(name, 1)))


@pytest.mark.parametrize("name", sorted(SYMMETRIC))
def test_a_symmetric_metric_does_not_mind_which_model_comes_first(name):
    first, second = draw(name)
    np.testing.assert_allclose(measure(name, first, second), measure(name, second, first), rtol=1e-12)


@pytest.mark.parametrize("name", sorted(SIGNED))
def test_a_signed_metric_turns_round_when_the_models_are_exchanged(name):
    first, second = draw(name)
    turned = np.sort(-measure(name, second, first))
    np.testing.assert_allclose(np.sort(measure(name, first, second)), turned, rtol=1e-12)
    assert not np.allclose(measure(name, first, second), measure(name, second, first))


@pytest.mark.parametrize("name", sorted(TRANSPOSED))
def test_a_matrix_is_transposed_when_the_models_are_exchanged(name):
    first, second = draw(name)
    size = first.shape[1]
    turned = measure(name, second, first).reshape(size, size).T
    np.testing.assert_allclose(measure(name, first, second), turned.ravel(), rtol=1e-12)
    assert not np.allclose(turned, turned.T)


@pytest.mark.parametrize("name", sorted(REFERENCE_FIRST))
def test_the_reference_model_comes_first(name):
    first, second = draw(name)
    assert not np.allclose(abs(measure(name, first, second)), abs(measure(name, second, first)))


@pytest.mark.parametrize("name", sorted(OF_TWO_SETS_OF_EXAMPLES))
def test_the_order_within_each_of_two_sets_does_not_matter(name):
    first, second = draw(name)
    order = np.random.default_rng(1).permutation(EXAMPLES)
    np.testing.assert_allclose(measure(name, first, second[order]), measure(name, first, second), rtol=1e-12)
    assert measure(name, second, first) != measure(name, first, second)


@pytest.mark.parametrize("name", sorted(ORDER_INVARIANT | ONE_VALUE_AN_EXAMPLE))
def test_the_order_of_examples_does_not_matter_or_is_kept(name):
    arguments = draw(name)
    order = np.random.default_rng(1).permutation(EXAMPLES)
    expected = measure(name, *arguments)
    if name in ONE_VALUE_AN_EXAMPLE:
        expected = expected[order]
    rearranged = measure(name, *(argument[order] for argument in arguments))
    np.testing.assert_allclose(rearranged, expected, rtol=1e-12)
    if len(arguments) > 1:  # rearranging one side alone tears the examples apart
        torn = measure(name, arguments[0], *(argument[order] for argument in arguments[1:]))
        assert not np.allclose(torn, expected)


@pytest.mark.parametrize("name", sorted(RANDOM_DRAWS))
def test_the_order_of_examples_changes_a_drawn_interval_no_more_than_another_seed(name):
    arguments = draw(name)
    order = np.random.default_rng(1).permutation(EXAMPLES)
    rearranged = measure(name, *(argument[order] for argument in arguments))
    np.testing.assert_allclose(rearranged, measure(name, *arguments), atol=0.02)


@pytest.mark.parametrize("name", sorted(BOUNDED))
def test_a_bounded_metric_keeps_its_bounds(name):
    low, high = BOUNDED[name]
    for seed in range(20):
        values = measure(name, *draw(name, seed))
        assert (values >= low - 1e-12).all() and (values <= high).all()


@pytest.mark.parametrize("name", sorted(BOUNDED_BY_THE_VALUES))
def test_an_interval_lies_among_the_values_and_around_their_mean(name):
    arguments = draw(name)
    values = arguments[0] - arguments[1] if len(arguments) == 2 else arguments[0]
    low, high = measure(name, *arguments)
    assert values.min() <= low < values.mean() < high <= values.max()
