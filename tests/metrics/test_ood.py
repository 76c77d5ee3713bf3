"""Deep nearest neighbours against scikit-learn's search and scores, and hand-counted sets."""

import re

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score, roc_curve
from sklearn.neighbors import NearestNeighbors
from sklearn.preprocessing import normalize

from bert_compression.errors import BadInput
from bert_compression.metrics import (
    nearest_distances,
    outlier_auroc,
    outlier_fpr,
    outlier_threshold,
    representation,
)


def features(points: int, seed: int, shift: float = 0.0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(points, 5)) + np.array([2 + shift, 0, 0, shift, 0])


@pytest.mark.parametrize("block", [1, 2**30])
@pytest.mark.parametrize("k", [1, 4, 60])
def test_distances_are_those_of_scikit_learns_search(k, block, monkeypatch):
    monkeypatch.setattr(representation, "COSINE_BLOCK", block)
    training, asked = features(60, seed=0), features(25, seed=1)
    search = NearestNeighbors(n_neighbors=k, algorithm="brute").fit(normalize(training))
    expected = search.kneighbors(normalize(asked))[0][:, -1]
    np.testing.assert_allclose(nearest_distances(asked, training, k), expected, rtol=1e-9)


def test_a_training_point_is_its_own_nearest():
    training = features(60, seed=0)
    assert nearest_distances(training, training, 1).max() < 1e-7
    assert nearest_distances(training, training, 2).min() > 1e-3


def test_distances_do_not_mind_lengths_and_reach_from_the_same_to_the_opposite_direction():
    asked, training = features(25, seed=1), features(60, seed=0)
    stretched = nearest_distances(asked * 7, training * np.linspace(0.1, 3, 60)[:, None], 3)
    np.testing.assert_allclose(stretched, nearest_distances(asked, training, 3), rtol=1e-9)
    assert nearest_distances([[3.0, 0.0]], [[1.0, 0.0], [-2.0, 0.0]], 1).tolist() == [0.0]
    assert nearest_distances([[3.0, 0.0]], [[1.0, 0.0], [-2.0, 0.0]], 2).tolist() == [2.0]


@pytest.mark.parametrize("count", [1, 7, 20, 60, 101])
@pytest.mark.parametrize("passing", [0.05, 0.5, 0.95, 1.0])
def test_the_threshold_is_the_smallest_that_lets_the_share_pass(count, passing):
    inside = np.random.default_rng(count).uniform(size=count)
    threshold = outlier_threshold(inside, passing)
    assert (inside <= threshold).mean() >= passing - 1e-12
    assert (inside < threshold).mean() < passing
    assert threshold in inside


def test_of_a_hundred_distances_five_exceed_the_threshold():
    assert outlier_threshold(np.arange(1, 101) / 100) == 0.95
    assert outlier_threshold(np.arange(1, 101) / 100, passing=0.9) == 0.90


def scores(ties: bool) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(0)
    inside, outside = random.normal(0, 1, 80), random.normal(1, 1, 50)
    return (inside.round(), outside.round()) if ties else (inside, outside)


@pytest.mark.parametrize("ties", [False, True])
def test_auroc_is_scikit_learns_and_the_share_of_pairs_in_the_right_order(ties):
    inside, outside = scores(ties)
    is_outside = np.repeat([0, 1], [80, 50])
    found = outlier_auroc(inside, outside)
    assert found == pytest.approx(roc_auc_score(is_outside, np.concatenate([inside, outside])), rel=1e-12)
    difference = outside[:, None] - inside
    assert found == pytest.approx(((difference > 0) + (difference == 0) / 2).mean(), rel=1e-12)
    assert outlier_auroc(outside, inside) == pytest.approx(1 - found, rel=1e-12)
    assert 0.6 < found < 0.9


def test_auroc_of_the_same_distances_is_chance_and_of_apart_ones_all():
    assert outlier_auroc([0.5, 0.5], [0.5]) == 0.5
    assert outlier_auroc([0.1, 0.2], [0.3, 0.4, 0.5]) == 1.0


@pytest.mark.parametrize("ties", [False, True])
def test_fpr_is_read_off_the_curve_where_inside_is_positive(ties):
    inside, outside = scores(ties)
    is_inside = np.repeat([1, 0], [80, 50])
    curve = roc_curve(is_inside, -np.concatenate([inside, outside]), drop_intermediate=False)
    fpr, tpr, _ = curve
    assert outlier_fpr(inside, outside) == pytest.approx(fpr[tpr >= 0.95][0], rel=1e-12)
    assert outlier_fpr(inside, outside) > outlier_fpr(inside, outside, passing=0.5)


def test_points_from_elsewhere_are_found_and_others_from_here_are_not():
    training, here, there = features(400, 0), features(200, 1), features(200, 2, shift=-3)
    inside, outside = (nearest_distances(points, training, 5) for points in (here, there))
    again = nearest_distances(features(200, 3), training, 5)
    assert outlier_auroc(inside, outside) > 0.8
    assert abs(outlier_auroc(inside, again) - 0.5) < 0.1
    flagged = again > outlier_threshold(inside)
    assert 0.01 < flagged.mean() < 0.12


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: nearest_distances(np.ones((2, 3)), np.ones((4, 2)), 1),
            "features are 3 a point and training_features 2: they must come from the same model",
        ),
        (
            lambda: nearest_distances(np.ones((2, 3)), np.ones((4, 3)), 5),
            "k must be a whole number from 1 to 4, the number of training points, not 5",
        ),
        (
            lambda: nearest_distances(np.ones((2, 3)), np.zeros((4, 3)), 1),
            "training_features has a zero vector in row 0, which points nowhere: leave that point out",
        ),
        (
            lambda: nearest_distances(np.full((2, 3), np.nan), np.ones((4, 3)), 1),
            "features holds NaN or infinite values",
        ),
        (
            lambda: outlier_auroc([], [0.1]),
            "in_distribution must have the shape (points,), not (0,)",
        ),
        (
            lambda: outlier_fpr([0.1], [np.inf]),
            "out_of_distribution holds NaN or infinite values",
        ),
        (
            lambda: outlier_threshold([0.1], passing=95),
            "passing must be a share above 0 and up to 1, not 95",
        ),
    ],
)
def test_bad_input_is_refused(call, message):
    with pytest.raises(BadInput, match=f"^{re.escape(message)}$"):
        call()
