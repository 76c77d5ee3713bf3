"""Neighbours against a search by hand, chance against enumeration, CKA against the formulas as printed."""

import itertools
import re
import tracemalloc

import numpy as np
import pytest
from scipy.stats import ortho_group

from bert_compression.errors import BadInput
from bert_compression.metrics import (
    expected_neighbour_jaccard,
    linear_cka,
    linear_cka_matrix,
    nearest_neighbours,
    neighbour_jaccard,
    neighbour_jaccards,
    representation,
)


def cloud(points: int = 40, features: int = 6, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(points, features))


def pair(points: int, features: tuple[int, int], noise: float = 1.0, seed: int = 0) -> list[np.ndarray]:
    """Two models' features of the same points: mixtures of the same causes, and noise."""
    random = np.random.default_rng(seed)
    causes = random.normal(size=(points, 3))
    return [causes @ random.normal(size=(3, d)) + noise * random.normal(size=(points, d)) for d in features]


def searched(vectors: np.ndarray, k: int) -> list[list[int]]:
    """The neighbours one by one, from the formula of the cosine."""
    found = []
    for i, v in enumerate(vectors):
        cosine = {j: v @ w / np.sqrt((v @ v) * (w @ w)) for j, w in enumerate(vectors) if j != i}
        found.append(sorted(cosine, key=lambda j: (-round(cosine[j], 12), j))[:k])
    return found


# Neighbours


@pytest.mark.parametrize("k", [1, 7, 39])
def test_neighbours_are_those_of_a_search_one_by_one(k):
    assert nearest_neighbours(cloud(), k).tolist() == searched(cloud(), k)


@pytest.mark.parametrize("block", [1, 3 * 40 * 8, 2**30])  # a row, three rows, all rows at a time
def test_neighbours_do_not_depend_on_the_size_of_a_block(block, monkeypatch):
    monkeypatch.setattr(representation, "COSINE_BLOCK", block)
    assert nearest_neighbours(cloud(), 5).tolist() == searched(cloud(), 5)


def test_neighbours_do_not_mind_the_length_of_vectors_but_mind_where_zero_is():
    vectors = cloud()
    stretched = vectors * np.random.default_rng(1).uniform(0.1, 9, (40, 1))
    np.testing.assert_array_equal(nearest_neighbours(stretched, 5), nearest_neighbours(vectors, 5))
    assert not np.array_equal(nearest_neighbours(vectors + 1, 5), nearest_neighbours(vectors, 5))


def test_the_nearest_few_come_first_among_the_nearest_many():
    many = nearest_neighbours(cloud(), 20)
    for k in (1, 5, 19):
        np.testing.assert_array_equal(nearest_neighbours(cloud(), k), many[:, :k])


@pytest.mark.parametrize("block", [1, 2**30])
def test_of_equally_near_points_the_first_in_the_array_is_nearer(block, monkeypatch):
    monkeypatch.setattr(representation, "COSINE_BLOCK", block)
    random = np.random.default_rng(0)
    twins = np.repeat(cloud(12, 50), 5, axis=0) * random.uniform(
        0.5, 2, (60, 1)
    )  # equal directions, five each
    order = random.permutation(60)
    assert nearest_neighbours(twins[order], 9).tolist() == searched(twins[order], 9)
    # Where all are alike, there is nothing else to go by.
    assert nearest_neighbours(np.ones((4, 3)), 2).tolist() == [[1, 2], [0, 2], [0, 1], [0, 1]]


def test_relabelled_points_have_relabelled_neighbours():
    order = np.random.default_rng(1).permutation(40)
    place = np.argsort(order)
    rearranged = nearest_neighbours(cloud()[order], 5)
    np.testing.assert_array_equal(rearranged, place[nearest_neighbours(cloud(), 5)[order]])


def test_vectors_in_nearly_one_direction_are_told_apart_where_float32_cannot():
    vectors = (1 + 1e-3 * cloud(60, 30)).astype(np.float32)
    assert nearest_neighbours(vectors, 5).tolist() == searched(vectors.astype(np.float64), 5)
    short = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    cosines = short @ short.T
    np.fill_diagonal(cosines, -1)
    assert np.argsort(-cosines, axis=1)[:, :5].tolist() != searched(vectors.astype(np.float64), 5)


def test_no_matrix_of_all_pairs_is_kept(monkeypatch):
    monkeypatch.setattr(representation, "COSINE_BLOCK", 2**18)
    points = 1500
    tracemalloc.start()
    nearest_neighbours(cloud(points, 4), 5)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < points**2 * 8 / 6


# Jaccard of neighbours


def test_jaccard_point_by_point_is_that_of_the_sets():
    a, b = (nearest_neighbours(vectors, 7) for vectors in pair(40, (5, 9)))
    sets = [(set(x), set(y)) for x, y in zip(a.tolist(), b.tolist(), strict=True)]
    expected = [len(x & y) / len(x | y) for x, y in sets]
    np.testing.assert_allclose(neighbour_jaccards(a, b), expected, rtol=1e-12)
    assert len(set(expected)) > 3


def test_the_mean_over_points_is_the_metric_whatever_the_widths():
    vectors = pair(40, (5, 9))
    jaccards = neighbour_jaccards(*(searched(each, 4) for each in vectors))
    assert neighbour_jaccard(*vectors, 4) == pytest.approx(jaccards.mean(), rel=1e-12)
    assert neighbour_jaccard(*vectors, 4) != neighbour_jaccard(*vectors, 5)


def test_a_rotated_and_scaled_model_keeps_all_neighbours_and_an_unrelated_one_has_them_by_chance():
    vectors = cloud(300, 8)
    assert neighbour_jaccard(vectors, 3 * vectors @ ortho_group.rvs(8, random_state=0), 10) == 1.0
    unrelated = nearest_neighbours(vectors, 10), nearest_neighbours(cloud(300, 8, seed=1), 10)
    jaccards = neighbour_jaccards(*unrelated)
    assert abs(jaccards.mean() - expected_neighbour_jaccard(300, 10)) < 4 * jaccards.std() / np.sqrt(300)


def test_the_expected_jaccard_is_that_of_all_pairs_of_sets():
    sets = [set(chosen) for chosen in itertools.combinations(range(6), 2)]
    mean = np.mean([len(a & b) / len(a | b) for a in sets for b in sets])
    assert expected_neighbour_jaccard(7, 2) == pytest.approx(mean, rel=1e-12)
    assert expected_neighbour_jaccard(8, 2) < mean
    assert expected_neighbour_jaccard(7, 6) == 1.0  # there are no others


@pytest.mark.parametrize("k", [5, 20, 50])
def test_the_expected_jaccard_is_about_k_over_twice_the_points(k):
    # Of sets that share nothing or one point: k² / n times 1 / (2 k - 1).
    assert expected_neighbour_jaccard(10_000, k) == pytest.approx(k**2 / 10_000 / (2 * k - 1), rel=0.01)
    assert expected_neighbour_jaccard(3 * k, k) > 1.1 * k / (6 * k)  # with few points it is more


# CKA


def centred(x: np.ndarray) -> np.ndarray:
    return x - x.mean(axis=0)


def printed_cka(x: np.ndarray, y: np.ndarray) -> float:
    """Kornblith et al.: HSIC(K, L) = tr(K H L H) / (n - 1)², with the centring matrix H."""
    n = len(x)
    h = np.eye(n) - np.ones((n, n)) / n

    def hsic(one, other):
        return np.trace(one @ h @ other @ h) / (n - 1) ** 2

    a, b = x @ x.T, y @ y.T
    return hsic(a, b) / np.sqrt(hsic(a, a) * hsic(b, b))


def printed_unbiased_cka(x: np.ndarray, y: np.ndarray) -> float:
    """Nguyen et al., equation 3, term by term."""
    n = len(x)
    ones = np.ones(n)

    def hsic(one, other):
        terms = np.trace(one @ other) + one.sum() * other.sum() / ((n - 1) * (n - 2))
        return (terms - 2 / (n - 2) * (ones @ one @ other @ ones)) / (n * (n - 3))

    a, b = (z @ z.T * (1 - np.eye(n)) for z in (x, y))
    return hsic(a, b) / np.sqrt(hsic(a, a) * hsic(b, b))


# More points than features, and more features than points: the two ways to the products.
SHAPES = [(50, (4, 7)), (9, (40, 30)), (9, (40, 2))]


@pytest.mark.parametrize(("points", "features"), SHAPES)
def test_cka_is_the_formula_of_the_paper(points, features):
    a, b = pair(points, features)
    assert linear_cka(a + 5, b - 3) == pytest.approx(printed_cka(a + 5, b - 3), rel=1e-10)
    assert linear_cka(a, b, unbiased=True) == pytest.approx(printed_unbiased_cka(a, b), rel=1e-10)
    assert linear_cka(a + 5, b, unbiased=True) == pytest.approx(printed_unbiased_cka(a, b), rel=1e-10)
    assert linear_cka(a, b) > linear_cka(a, b, unbiased=True) + 0.001


def test_cka_of_one_feature_is_the_squared_correlation():
    a, b = pair(30, (1, 1))
    assert linear_cka(a, b) == pytest.approx(np.corrcoef(a[:, 0], b[:, 0])[0, 1] ** 2, rel=1e-12)


@pytest.mark.parametrize("unbiased", [False, True])
def test_cka_does_not_see_rotation_scale_and_shift_but_other_linear_maps(unbiased):
    a, b = pair(30, (6, 6))
    expected = linear_cka(a, b, unbiased)
    turned = 0.01 * b @ ortho_group.rvs(6, random_state=0) + 7
    assert linear_cka(a, turned, unbiased) == pytest.approx(expected, rel=1e-10)
    assert linear_cka(b, turned, unbiased) == pytest.approx(1.0, abs=1e-12)
    stretched = b * [20, 1, 1, 1, 1, 1]
    assert abs(linear_cka(a, stretched, unbiased) - expected) > 0.01


def test_unrelated_features_come_out_high_unless_unbiased():
    unrelated = [(cloud(30, 200, seed=seed), cloud(30, 200, seed=100 + seed)) for seed in range(20)]
    assert min(linear_cka(a, b) for a, b in unrelated) > 0.8
    unbiased = [linear_cka(a, b, unbiased=True) for a, b in unrelated]
    assert abs(np.mean(unbiased)) < 4 * np.std(unbiased) / np.sqrt(20) < 0.1
    assert linear_cka(cloud(3000, 2, seed=1), cloud(3000, 2, seed=2)) < 0.01


@pytest.mark.parametrize("block", [1, 2**26])
@pytest.mark.parametrize("unbiased", [False, True])
@pytest.mark.parametrize("points", [12, 60])
def test_the_matrix_holds_every_pair_of_layers(points, unbiased, block, monkeypatch):
    monkeypatch.setattr(representation, "GRAM_BLOCK", block)
    layers = pair(points, (5, 8, 20, 9, 30))
    a, b = layers[:2], layers[2:]
    printed = printed_unbiased_cka if unbiased else printed_cka
    expected = [[printed(x, y) for y in b] for x in a]
    found = linear_cka_matrix(a, b, unbiased)
    np.testing.assert_allclose(found, expected, rtol=1e-9)
    assert len(np.unique(found.round(6))) == 6


def test_both_ways_to_the_products_are_used_and_agree():
    a, b = ([representation._layer(x, "x") for x in pair(20, (7, 40), seed=seed)] for seed in (0, 1))
    for one, other in zip(
        representation._over_points(a, b), representation._over_features(a, b), strict=True
    ):
        np.testing.assert_allclose(one, other, rtol=1e-10)


def test_float32_features_with_a_large_mean_lose_nothing():
    a, b = ((x + 1000).astype(np.float32) for x in pair(40, (5, 7)))
    expected = printed_cka(centred(a.astype(np.float64)), centred(b.astype(np.float64)))
    assert linear_cka(a, b) == pytest.approx(expected, rel=1e-9)
    with np.errstate(all="ignore"):
        assert abs(printed_cka(a, b) - expected) > 1e-7  # in float32, as it comes


# Bad input

GOOD = cloud(5, 3).round(3)
WITH_ZERO = np.vstack([GOOD[:4], np.zeros(3)])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: neighbour_jaccard(GOOD, GOOD, 5),
            "k must be a whole number from 1 to 4, the number of other points, not 5",
        ),
        (
            lambda: nearest_neighbours(GOOD, 0),
            "k must be a whole number from 1 to 4, the number of other points, not 0",
        ),
        (
            lambda: neighbour_jaccard(GOOD, GOOD, [1, 2]),
            "k must be a whole number, not [1, 2]",
        ),
        (
            lambda: expected_neighbour_jaccard(5, 5),
            "k must be a whole number from 1 to 4, the number of other points, not 5",
        ),
        (
            lambda: neighbour_jaccard(GOOD, GOOD[:4], 1),
            "vectors of the shapes (5, 3) and (4, 3) cannot be of the same points",
        ),
        (
            lambda: nearest_neighbours(WITH_ZERO, 1),
            "vectors has a zero vector in row 4, which points nowhere: leave that point out",
        ),
        (lambda: nearest_neighbours(GOOD * np.nan, 1), "vectors holds NaN or infinite values"),
        (
            lambda: nearest_neighbours([1.0, 2.0], 1),
            "vectors must have the shape (points, features), not (2,)",
        ),
        (
            lambda: neighbour_jaccards([[1, 2]], [[1]]),
            "both must have one shape (points, k), but they have (1, 2) and (1, 1)",
        ),
        (
            lambda: linear_cka(GOOD, GOOD[:4]),
            "features_a has 5 points and features_b 4: they must be the same points",
        ),
        (lambda: linear_cka(GOOD, GOOD * np.inf), "features_b holds NaN or infinite values"),
        (
            lambda: linear_cka(np.full((7, 3), 0.1), cloud(7)),
            "features_a is the same for all points, so CKA is undefined: leave it out",
        ),
        (
            lambda: linear_cka_matrix([GOOD], [GOOD, np.zeros((5, 2))]),
            "layers_b[1] is the same for all points, so CKA is undefined: leave it out",
        ),
        (
            lambda: linear_cka(np.eye(5), GOOD, unbiased=True),
            "all points of features_a are equally unlike, so CKA is undefined: leave it out",
        ),
        (
            lambda: linear_cka(GOOD[:3], GOOD[:3], unbiased=True),
            "the unbiased estimator needs 4 points or more, not 3",
        ),
        (
            lambda: linear_cka_matrix(GOOD, GOOD),
            "layers_a[0] must have the shape (points, features), not (3,)",
        ),
        (lambda: linear_cka_matrix([GOOD], []), "layers_a and layers_b must hold at least one layer each"),
    ],
)
def test_bad_input_is_refused(call, message):
    with pytest.raises(BadInput, match=f"^{re.escape(message)}$"):
        call()


def test_what_is_refused_unbiased_is_defined_otherwise():
    assert linear_cka(np.eye(5), np.eye(5)) == pytest.approx(1.0, abs=1e-12)
