"""``check=True`` finds the same faults in a compiled run as in the eager mode, at the same place."""

import numpy as np
import pytest

import snn
from autograd import Cell, nn, ops
from autograd.errors import NonFiniteError
from tests.snn.helpers.nets import Adaptive

every_mode = pytest.mark.parametrize("mode", ["eager", "python"])
pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")  # numpy's own, of overflow


def found(net, x, mode, **options):
    with pytest.raises(NonFiniteError) as error:
        snn.run(net, x, check=True, mode=mode, **options)
    return str(error.value)


class Explodes(Cell):
    """Its state is infinite in the third step and finite again afterwards; what comes out is zero or one at all times."""

    def construct(self, x, v):
        count = ops.where(v > 1e30, 0.0, v)
        return (x > 0.5).astype(x.dtype), ops.where(count == 2, np.inf, count + 1).astype(x.dtype)


class Pair(Adaptive):
    """Of its two states, the second one grows without end."""

    def construct(self, x, state):
        spike, after = super().construct(x, state)
        return spike, after._replace(adaptation=state.adaptation * 1e30 + 1)


@pytest.mark.parametrize("mode", ["eager", "python", "compiled"])
def test_a_membrane_that_overflows_behind_its_spikes_is_found_in_its_step(mode):
    text = found(snn.IFNode(v_reset="never"), np.full((50, 1, 200), 2e37, np.float32), mode)
    assert text.startswith("IFNode at time step 17: expected finite numbers, got inf at [0, 0].")


@every_mode
@pytest.mark.parametrize("checkpoint", [None, 2])
def test_a_state_that_is_finite_again_at_the_end_is_found(mode, checkpoint):
    net = nn.SequentialCell({"fc": nn.Dense(4, 3, "ones", "zeros"), "node": Explodes()})
    options = {} if mode == "eager" else {"checkpoint": checkpoint}
    text = found(net, np.ones((8, 2, 4), np.float32), mode, **options)
    assert text.startswith("layer 'node' (Explodes) at time step 2: expected finite numbers, got inf at [0, 0].")


@every_mode
def test_any_of_several_states_is_looked_at(mode):
    text = found(nn.SequentialCell(Pair()), np.ones((8, 2, 4), np.float32), mode)
    assert text.startswith("layer '0' (Pair) at time step 2: expected finite numbers, got inf at [0, 0].")


@every_mode
def test_a_recurrent_layer_is_looked_at_step_by_step(mode):
    layer = snn.Recurrent(snn.IFNode(v_reset="never"), 3, weight_init=0.0)
    text = found(nn.SequentialCell(nn.Dense(3, 3, "ones", "zeros"), layer), np.full((30, 2, 3), 1e37, np.float32), mode)
    assert text.startswith("layer '1' (Recurrent) at time step 11: expected finite numbers, got inf at [0, 0].") == (
        mode != "eager"
    )
    assert "at time step 11: expected finite numbers, got inf at [0, 0]." in text


@every_mode
def test_what_a_mask_holds_is_not_found(mode):
    mask = np.arange(8)[:, None] < np.array([2, 8])
    x = np.ones((8, 2, 3), np.float32)
    text = found(Explodes(), x, mode, mask=mask)
    assert text.startswith("Explodes at time step 2: expected finite numbers, got inf at [1, 0].")
    snn.run(Explodes(), x[:, :1], check=True, mode=mode, mask=mask[:, :1])


@every_mode
def test_what_is_finite_passes_unchanged(mode):
    x = np.random.default_rng(0).random((6, 2, 3)).astype(np.float32)
    net = nn.SequentialCell(Adaptive(), snn.Recurrent(snn.LIFNode(beta=0.5), 3, rng=0))
    checked, plain = snn.run(net, x, check=True, mode=mode), snn.run(net, x, mode=mode)
    assert checked[0].asnumpy().any()
    np.testing.assert_array_equal(checked[0], plain[0])
    np.testing.assert_array_equal(checked[1]["0"].adaptation, plain[1]["0"].adaptation)
