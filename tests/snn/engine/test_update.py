"""The compiled step of an optimizer."""

import numpy as np
import pytest

from autograd import Parameter, Tensor, optim
from autograd.errors import NonFiniteError
from snn.engine import update
from snn.engine.backends.python import BACK_END


@pytest.mark.parametrize("kind", [optim.Adam, optim.AdamW])
def test_a_compiled_step_that_overflows_is_refused_and_nothing_is_updated(kind, monkeypatch):
    calls = []

    def compiled(arrays, numbers):
        calls.append(len(arrays))
        update.adam(BACK_END, arrays, numbers)

    monkeypatch.setattr(optim.Adam, "compiled", staticmethod(compiled))
    first, second = (Parameter(np.array([1.0, 2.0], np.float32), name=name) for name in ("first", "second"))
    optimizer = kind([first, second], 0.1)
    optimizer([Tensor([1.0, 1.0])] * 2)
    before = [values.copy() for values in optimizer.state_dict().values() if isinstance(values, np.ndarray)]
    weights = first.array.copy(), second.array.copy()
    with pytest.raises(
        NonFiniteError, match="expected a step that leaves second and its memory finite, got infinity or NaN in"
    ):
        optimizer([Tensor([1.0, 1.0]), Tensor([4.5e30, 1.0])])
    assert calls == [5] * 2  # both Parameters together in each step
    assert optimizer.steps == 1
    after = [values for values in optimizer.state_dict().values() if isinstance(values, np.ndarray)]
    assert all(map(np.array_equal, after, before))
    assert np.array_equal((first.array, second.array), weights)
