"""Normal equations and their solution against NumPy's, in double precision."""

import numpy as np
import pytest

from headshot.fitting.normal import BLOCK, Elimination, NormalEquations, normal_equations, solve


@pytest.mark.parametrize(("parameters", "equations"), [(1, 1), (7, 50), (32, BLOCK), (191, 2 * BLOCK + 11)])
def test_products_of_any_size(parameters, equations):
    rng = np.random.default_rng(parameters)
    jacobian, residual = rng.normal(size=(parameters, equations)), rng.normal(size=equations)
    hessian, gradient = normal_equations(jacobian, residual)
    assert hessian == pytest.approx(jacobian @ jacobian.T, abs=1e-4 * np.sqrt(equations))
    assert gradient == pytest.approx(jacobian @ residual, abs=1e-4 * np.sqrt(equations))
    assert np.array_equal(hessian, hessian.T)


def test_blocks_add_up_and_repeat_exactly():
    rng = np.random.default_rng(1)
    jacobian, residual = rng.normal(size=(30, 400)), rng.normal(size=400)
    found = []
    for _ in range(2):
        sums = NormalEquations(30)
        for part in (slice(0, 150), slice(150, 400)):
            sums.add(jacobian[:, part], residual[part])
        found.append(sums.result())
    assert found[0][0] == pytest.approx(jacobian @ jacobian.T, abs=1e-3)
    assert np.array_equal(found[0][0], found[1][0])
    assert np.array_equal(found[0][1], found[1][1])


def test_elimination_gives_the_schur_complement_and_the_whole_solution():
    rng = np.random.default_rng(2)
    a = rng.normal(size=(40, 25))
    matrix, right = a.T @ a, rng.normal(size=25)
    reduced = Elimination(matrix, right, 10)
    tail = np.linalg.solve(matrix[10:, 10:], np.column_stack([matrix[10:, :10], right[10:]]))
    assert reduced.matrix == pytest.approx(matrix[:10, :10] - matrix[:10, 10:] @ tail[:, :10])
    assert reduced.right == pytest.approx(right[:10] - matrix[:10, 10:] @ tail[:, 10])
    whole = np.linalg.solve(matrix, right)
    assert reduced.complete(whole[:10]) == pytest.approx(whole)
    assert solve(matrix, right) == pytest.approx(whole)
