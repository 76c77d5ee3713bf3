"""Shared errors against hand-counted sets, scikit-learn, and simulated models that err independently."""

import re

import numpy as np
import pytest
import scipy.stats
from sklearn.metrics import jaccard_score

from bert_compression.errors import BadInput
from bert_compression.metrics import (
    error_association,
    error_association_matrix,
    error_jaccard,
    error_jaccard_intervals,
    error_jaccard_matrix,
    error_overlap_difference,
    expected_error_jaccard,
    resampled_error_associations,
    resampled_error_jaccards,
    score_interval,
)


def errors_of(examples: int, rates=(0.3, 0.4, 0.2), shared: float = 0.3, seed: int = 0) -> np.ndarray:
    """Error sets (models, examples) of models with these rates; some examples are decided for all alike."""
    random = np.random.default_rng(seed)
    own, common = random.uniform(size=(len(rates), examples)), random.uniform(size=examples)
    return np.where(random.uniform(size=examples) < shared, common, own) < np.array(rates)[:, None]


# Jaccard


def test_jaccard_counts_shared_errors_among_all_errors():
    # A errs on 0, 1, 2 and B on 1, 2, 3, 4: two shared of five.
    a, b = np.zeros(10), np.zeros(10)
    a[[0, 1, 2]], b[[1, 2, 3, 4]] = 1, 1
    assert error_jaccard(a, b) == 2 / 5
    assert error_jaccard(1 - a, 1 - b) == 5 / 8  # right answers are another set


@pytest.mark.parametrize("seed", range(5))
def test_jaccard_is_scikit_learns(seed):
    a, b, _ = errors_of(200, seed=seed)
    assert error_jaccard(a, b) == pytest.approx(jaccard_score(a, b), rel=1e-12)
    assert 0 < error_jaccard(a, b) < 1


def test_two_empty_sets_are_equal_and_an_empty_one_shares_nothing():
    never, once = [0, 0, 0], [0, 1, 0]
    assert error_jaccard(never, never) == 1.0
    assert error_jaccard(never, once) == 0.0
    assert error_jaccard_matrix([never, never, once]).tolist() == [[1, 1, 0], [1, 1, 0], [0, 0, 1]]


def test_the_matrix_holds_every_pair():
    errors = errors_of(150)
    pairs = [[error_jaccard(a, b) for b in errors] for a in errors]
    np.testing.assert_allclose(error_jaccard_matrix(errors), pairs, rtol=1e-12)
    assert len(np.unique(pairs)) == 4  # one on the diagonal, three pairs


# Chance


def test_the_expected_jaccard_by_hand():
    assert expected_error_jaccard(0.5, 0.5) == pytest.approx(1 / 3, rel=1e-12)
    assert expected_error_jaccard(0.1, 0.2) == pytest.approx(0.02 / 0.28, rel=1e-12)
    assert expected_error_jaccard(0.0, 0.3) == 0.0
    assert expected_error_jaccard(0.0, 0.0) == 1.0  # as two empty sets have


@pytest.mark.parametrize("examples", [10, 100])
def test_independent_models_have_it_in_the_mean_however_few_the_examples(examples):
    draws, rates = 20_000, (0.4, 0.3)
    random = np.random.default_rng(0)
    a, b = (random.uniform(size=(draws, examples)) < rate for rate in rates)
    both, either = (a & b).sum(axis=1), (a | b).sum(axis=1)
    found = (both / np.maximum(either, 1))[either > 0]
    error = found.std() / np.sqrt(len(found))
    assert abs(found.mean() - expected_error_jaccard(*rates)) < 4 * error
    assert abs(found.mean() - expected_error_jaccard(0.4, 0.32)) > 4 * error


@pytest.mark.parametrize("examples", [20, 200])
def test_shuffled_errors_have_a_little_more_by_the_term_that_the_page_tells(examples):
    a, b = 0.4, 0.3
    errors = [round(rate * examples) for rate in (a, b)]
    both = np.arange(min(errors) + 1)
    chances = scipy.stats.hypergeom(examples, *errors).pmf(both)
    exact = chances @ (both / (sum(errors) - both))
    term = a * b * (1 - a) * (1 - b) * (a + b) / ((examples - 1) * (a + b - a * b) ** 3)
    assert exact - expected_error_jaccard(a, b) == pytest.approx(term, rel=0.15)
    random = np.random.default_rng(0)
    fixed, shuffled = (np.arange(examples) < count for count in errors)
    found = [error_jaccard(fixed, random.permutation(shuffled)) for _ in range(2000)]
    assert abs(np.mean(found) - exact) < 4 * np.std(found) / np.sqrt(len(found))


# Association


def masks(both: int, only_a: int, only_b: int, neither: int) -> tuple[list[int], list[int]]:
    """Two error sets, by how many examples fall into each cell."""
    a = [1] * both + [1] * only_a + [0] * only_b + [0] * neither
    b = [1] * both + [0] * only_a + [1] * only_b + [0] * neither
    return a, b


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        ((1, 1, 1, 1), 0.0),  # independent: 1/4 = 1/2 * 1/2
        ((2, 0, 3, 5), 1.0),  # A within B
        ((0, 2, 3, 5), -1.0),  # apart
        ((2, 2, 2, 0), -1.0),  # no farther apart than 4 + 4 of 6 can be
        ((2, 1, 1, 6), (0.2 - 0.09) / (0.3 - 0.09)),
        ((1, 4, 3, 2), (0.1 - 0.2) / 0.2),
        ((0, 0, 4, 6), 0.0),  # A never errs
        ((4, 6, 0, 0), 0.0),  # A always errs
    ],
)
def test_association_by_hand(cells, expected):
    assert error_association(*masks(*cells)) == pytest.approx(expected, abs=1e-12)


def test_association_tells_of_pairs_with_other_rates_what_jaccard_cannot():
    near, far = masks(45, 0, 5, 50), masks(5, 0, 45, 50)  # in both pairs A errs only where B does
    assert error_association(*near) == error_association(*far) == 1.0
    assert error_jaccard(*near) == 0.9 and error_jaccard(*far) == 0.1


def test_association_has_the_sign_of_jaccard_less_chance():
    signs = set()
    for seed in range(60):
        a, b, _ = errors_of(40, shared=0.1, seed=seed)
        beyond = error_jaccard(a, b) - expected_error_jaccard(a.mean(), b.mean())
        association = error_association(a, b)
        assert -1 <= association <= 1
        assert np.sign(association) == np.sign(np.round(beyond, 12))
        signs.add(np.sign(association))
    assert signs >= {-1, 1}


def test_the_matrix_of_associations_holds_every_pair():
    errors = np.vstack([errors_of(60), np.zeros((1, 60)), np.ones((1, 60))])
    matrix = error_association_matrix(errors)
    assert matrix.shape == (5, 5)
    for i, j in np.ndindex(matrix.shape):
        assert matrix[i, j] == error_association(errors[i], errors[j])
    # Who errs sometimes is as near to itself as can be; who errs always or never leaves nothing to say.
    np.testing.assert_array_equal(matrix.diagonal(), [1, 1, 1, 0, 0])


# Intervals


def test_intervals_are_those_of_resampled_examples_pair_by_pair():
    errors = errors_of(200)
    intervals = error_jaccard_intervals(errors)
    assert intervals.shape == (3, 3, 2)
    for i, j in ((0, 1), (0, 2), (1, 2)):
        other_route = score_interval(error_jaccard, errors[i], errors[j])
        np.testing.assert_allclose(intervals[i, j], other_route, atol=0.012)
        np.testing.assert_array_equal(intervals[i, j], intervals[j, i])
        assert np.diff(intervals[i, j]) > 0.08
    np.testing.assert_array_equal(intervals[[0, 1, 2], [0, 1, 2]], np.ones((3, 2)))


def test_an_interval_is_as_wide_as_a_share_of_all_errors_has_it():
    a, b = errors_of(5000, rates=(0.3, 0.4))
    jaccard, either = error_jaccard(a, b), np.sum(a | b)
    width = 2 * 1.96 * np.sqrt(jaccard * (1 - jaccard) / either)
    low, high = error_jaccard_intervals([a, b])[0, 1]
    assert low < jaccard < high
    assert high - low == pytest.approx(width, rel=0.08)
    low, high = error_jaccard_intervals([a, b], confidence=0.5)[0, 1]
    assert high - low == pytest.approx(width * 0.674 / 1.96, rel=0.08)


def test_all_models_answer_the_same_drawn_examples():
    a, b, _ = errors_of(100)
    drawn = resampled_error_jaccards([a, b, a], resamples=50)
    assert drawn.shape == (50, 3, 3)
    np.testing.assert_array_equal(drawn[:, 0, 1], drawn[:, 2, 1])
    assert len(np.unique(drawn[:, 0, 1])) > 20
    other = resampled_error_jaccards([a, b, a], resamples=50, seed=1)
    assert not np.array_equal(drawn, other)


def test_associations_are_of_the_same_draws():
    errors = errors_of(100)
    jaccards, associations = (
        resampled(errors, resamples=50)
        for resampled in (resampled_error_jaccards, resampled_error_associations)
    )
    assert associations.shape == (50, 3, 3)
    np.testing.assert_array_equal(associations[:, [0, 1, 2], [0, 1, 2]], 1)
    assert np.corrcoef(jaccards[:, 0, 1], associations[:, 0, 1])[0, 1] > 0.7
    # Their spread is that of the measure over drawn examples, done by hand.
    rng = np.random.default_rng(0)
    by_hand = [error_association(*errors[:2, rng.integers(100, size=100)]) for _ in range(400)]
    drawn = resampled_error_associations(errors)[:, 0, 1]
    assert drawn.mean() == pytest.approx(np.mean(by_hand), abs=0.03)
    assert drawn.std() == pytest.approx(np.std(by_hand), rel=0.2)


def test_models_without_errors_have_an_interval_of_no_width():
    assert error_jaccard_intervals(np.zeros((2, 9)))[0, 1].tolist() == [1.0, 1.0]


# Overlap beyond that of two seeds


def test_two_seeds_of_one_model_overlap_more_than_two_models_by_hand():
    reference, other = [[1, 1, 0, 0], [0, 1, 1, 0]], [[0, 1, 0, 1], [1, 1, 1, 1]]
    # Jaccard of the two seeds 1/3; of seed 0 with the other's seed 1 2/4, of seed 1 with its seed 0 1/3.
    assert error_overlap_difference(reference, other)[0] == pytest.approx(1 / 3 - (1 / 2 + 1 / 3) / 2)
    # Two of four and two of four with one in common is chance, and so is any set with one that holds all.
    assert error_overlap_difference(reference, other, association=True)[0] == 0
    turned = error_overlap_difference(other, reference)[0]
    assert turned == pytest.approx(1 / 2 - (1 / 2 + 1 / 3) / 2)  # another model is the reference
    assert error_overlap_difference(reference, reference) == (0, 0, 0)  # only different seeds are compared


@pytest.mark.parametrize("association", [False, True])
def test_the_difference_of_overlaps_is_taken_draw_by_draw(association):
    sets = errors_of(150, rates=(0.3, 0.3, 0.4, 0.4))
    sets[:2] |= errors_of(150, rates=(0.2,), seed=1)  # what both seeds of the reference get wrong
    effect, low, high = error_overlap_difference(sets[:2], sets[2:], association)
    pairwise = error_association if association else error_jaccard
    expected = pairwise(sets[0], sets[1]) - (pairwise(sets[0], sets[3]) + pairwise(sets[1], sets[2])) / 2
    assert effect == pytest.approx(expected, abs=1e-12)
    draws = (resampled_error_associations if association else resampled_error_jaccards)(sets)
    differences = draws[:, 0, 1] - (draws[:, 0, 3] + draws[:, 1, 2]) / 2
    assert (low, high) == pytest.approx(np.quantile(differences, [0.025, 0.975]), abs=1e-12)
    assert low < effect < high and high - low > 0.05
    points = error_overlap_difference(sets[:2], sets[2:], association, scale=100)
    assert points == pytest.approx((100 * effect, 100 * low, 100 * high), rel=1e-12)
    assert error_overlap_difference(sets[:2], sets[2:], association, seed=1)[1:] != (low, high)


# Bad input

NEEDED = "both must have one shape (seeds, examples) with 2 seeds or more, but they have "


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: error_jaccard([0, 1, 2], [0, 1, 1]),
            "errors_a must be truth values, one an example, such as predicted != gold",
        ),
        (
            lambda: error_association([True], [np.nan]),
            "errors_b holds NaN or infinite values",
        ),
        (
            lambda: error_jaccard([0, 1], [1]),
            "errors_a has 2 examples and errors_b has 1: they must answer the same",
        ),
        (
            lambda: error_jaccard([], []),
            "errors_a and errors_b are empty: a share of no examples is undefined",
        ),
        (
            lambda: error_jaccard_matrix([0, 1]),
            "errors must have the shape (models, examples), not (2,)",
        ),
        (
            lambda: error_jaccard_matrix(np.zeros((2, 0))),
            "errors must have the shape (models, examples), not (2, 0)",
        ),
        (
            lambda: resampled_error_jaccards([[0, 3]]),
            "errors must be truth values, one an example, such as predicted != gold",
        ),
        (
            lambda: error_jaccard_intervals([[0, 1]], confidence=95),
            "confidence must lie between 0 and 1, not 95",
        ),
        (
            lambda: error_overlap_difference([[0, 1]], [[0, 1]]),
            f"{NEEDED}(1, 2) and (1, 2)",
        ),
        (
            lambda: error_overlap_difference(np.zeros((2, 3)), np.zeros((2, 4))),
            f"{NEEDED}(2, 3) and (2, 4)",
        ),
        (
            lambda: error_overlap_difference(np.zeros((2, 3)), np.full((2, 3), 2)),
            "other_errors must be truth values, one an example, such as predicted != gold",
        ),
        (
            lambda: expected_error_jaccard(0.2, 30),
            "rate_b must lie in 0..1, not 30",
        ),
    ],
)
def test_bad_input_is_refused(call, message):
    with pytest.raises(BadInput, match=f"^{re.escape(message)}$"):
        call()
