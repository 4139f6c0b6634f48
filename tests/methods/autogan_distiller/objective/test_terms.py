import math

import torch

from netchip.methods.autogan_distiller.objective.terms import absolute_distance, gram, gram_distance, total_variation


def test_gram_by_hand() -> None:
    """Two channels of 1x2: [1, 2] and [3, 4]; products 5, 11, 11, 25 over C H W = 4."""
    features = torch.tensor([[[[1.0, 2.0]], [[3.0, 4.0]]]])
    assert gram(features).tolist() == [[[1.25, 2.75], [2.75, 6.25]]]


def test_gram_distance_by_hand() -> None:
    """Against zeros: the mean of the squared entries above."""
    features = torch.tensor([[[[1.0, 2.0]], [[3.0, 4.0]]]])
    expected = (1.25**2 + 2 * 2.75**2 + 6.25**2) / 4
    assert math.isclose(float(gram_distance(features, torch.zeros_like(features))), expected)


def test_a_gram_matrix_does_not_see_where_something_is() -> None:
    features = torch.rand(2, 3, 4, 5, generator=torch.Generator().manual_seed(0))
    assert float(gram_distance(features, features.flip(-1).flip(-2))) < 1e-12


def test_total_variation_by_hand() -> None:
    """[[0, 1], [3, 7]]: down 3 + 6, right 1 + 4; twice over in a batch of two."""
    image = torch.tensor([[[[0.0, 1.0], [3.0, 7.0]]]])
    assert float(total_variation(image)) == 14.0
    assert float(total_variation(image.repeat(2, 1, 1, 1))) == 28.0


def test_absolute_distance_by_hand() -> None:
    assert float(absolute_distance(torch.tensor([1.0, -2.0]), torch.tensor([0.0, 2.0]))) == 2.5
