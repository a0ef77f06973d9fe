from __future__ import annotations

import numpy as np

from harness.zoo.graph.noise import normal_noise


def test_noise_has_mean_0_and_variance_1_and_a_bound() -> None:
    noise = normal_noise("any", (400, 500))
    assert noise.dtype == np.float32
    assert abs(noise.mean()) < 0.01
    assert abs(noise.std() - 1) < 0.01
    assert np.abs(noise).max() < 3.5
    assert np.abs(noise).max() > 3.0, "tails"


def test_every_key_has_noise_of_its_own() -> None:
    one, other = normal_noise("one", (10_000,)), normal_noise("other", (10_000,))
    assert abs(np.corrcoef(one, other)[0, 1]) < 0.05
    np.testing.assert_array_equal(one, normal_noise("one", (10_000,)))


def test_noise_does_not_depend_on_the_length_asked_for() -> None:
    np.testing.assert_array_equal(normal_noise("any", (3, 5)).reshape(-1), normal_noise("any", (100,))[:15])


def test_noise_is_the_same_on_every_machine() -> None:
    expected = ["-0x1.d265300000000p+0", "0x1.04ee460000000p+0", "-0x1.44f9dc0000000p-3"]
    assert [float(value).hex() for value in normal_noise("golden", (3,))] == expected
