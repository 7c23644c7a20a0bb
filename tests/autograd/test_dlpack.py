"""Memory shared with other libraries, by DLPack and by numpy's protocol."""

import numpy as np
import pytest

import snn
from autograd import Cell, Parameter, Tensor, from_dlpack, grad, no_grad, ops, trace
from autograd.errors import CompileError, DTypeError, GradientError

DTYPES = ["bool", "int8", "int16", "int32", "int64", "uint8", "float16", "float32", "float64"]


@pytest.mark.parametrize("dtype", DTYPES)
def test_torch_sees_our_memory_and_we_see_its(dtype):
    torch = pytest.importorskip("torch", reason="comes with the extra 'torch'")
    x = Tensor(np.arange(6).reshape(2, 3), dtype)
    theirs = torch.from_dlpack(x)
    assert str(theirs.dtype) == f"torch.{dtype}"
    assert np.array_equal(theirs.numpy(), x.numpy())
    assert theirs.data_ptr() == x.array.ctypes.data
    tensor = torch.arange(6).reshape(2, 3).T.to(getattr(torch, dtype))  # its axes do not lie in order
    ours = from_dlpack(tensor)
    assert type(ours) is Tensor
    assert np.array_equal(ours, tensor.numpy())
    assert ours.array.ctypes.data == tensor.data_ptr()


def test_what_the_owner_writes_is_seen_unless_it_was_copied():
    torch = pytest.importorskip("torch", reason="comes with the extra 'torch'")
    tensor = torch.ones(3)
    shared, own = from_dlpack(tensor), from_dlpack(tensor, copy=True)
    tensor[0] = 5.0
    assert shared.tolist() == [5.0, 1.0, 1.0]
    assert own.tolist() == [1.0, 1.0, 1.0]
    parameter = Parameter(np.ones(3, np.float32))
    parameter.set_data(shared)
    tensor[1] = 7.0
    assert parameter.tolist() == [5.0, 1.0, 1.0]


def test_gradients_of_torch_are_ours_from_there_on():
    torch = pytest.importorskip("torch", reason="comes with the extra 'torch'")
    weight = torch.tensor([1.0, 2.0], requires_grad=True)
    with pytest.raises(DTypeError, match=r"from_dlpack: expected an array with __dlpack__ .*\.detach\(\)\.cpu\(\)"):
        from_dlpack(weight)
    x = from_dlpack(weight.detach())
    gradient = torch.from_dlpack(grad(lambda x: (x * x).sum())(x))
    assert torch.equal(gradient, torch.tensor([2.0, 4.0]))
    with pytest.raises(DTypeError, match=r"bfloat16 with \.float\(\)"):
        from_dlpack(torch.ones(2, dtype=torch.bfloat16))


def test_arrays_of_jax_come_in_and_ours_go_out():
    jnp = pytest.importorskip("jax.numpy", reason="comes with the extra 'jax'")
    array = jnp.arange(6.0).reshape(2, 3)
    ours = from_dlpack(array)
    assert np.array_equal(ours, np.asarray(array))
    assert not ours.array.flags.writeable  # theirs never change
    back = jnp.from_dlpack(ours * 2)
    assert np.array_equal(np.asarray(back), 2 * np.asarray(array))
    assert np.array_equal(np.asarray(jnp.from_dlpack(Tensor([1.0, 2.0]))), [1.0, 2.0])


def test_memory_that_is_read_only_is_handed_out_as_a_copy():
    x = np.ones((2, 3), np.float32)
    constant = snn.encode.direct(x, 4)  # one step, T times the same memory
    assert not constant.array.flags.writeable
    seen = np.from_dlpack(constant)
    assert np.array_equal(seen, constant.numpy())
    assert not np.shares_memory(seen, constant.array)
    assert "dltensor" in repr(constant.__dlpack__())  # for a library that knows no flag for it
    shared = np.from_dlpack(constant, copy=False)
    assert np.shares_memory(shared, constant.array)
    assert not shared.flags.writeable
    with pytest.raises(BufferError):
        constant.__dlpack__(copy=False)
    torch = pytest.importorskip("torch", reason="comes with the extra 'torch'")
    theirs = torch.from_dlpack(constant)
    assert np.array_equal(theirs.numpy(), constant.numpy())
    theirs[0] = 5.0
    assert constant.numpy().max() == x.max() == 1.0


def test_a_copy_that_is_asked_for_is_one_and_one_that_cannot_be_avoided_is_an_error():
    x = Tensor([1.0, 2.0])
    assert np.shares_memory(np.asarray(x), x.array)
    assert np.shares_memory(np.asarray(x, copy=False), x.array)
    assert not np.shares_memory(np.array(x), x.array)
    assert not np.shares_memory(np.asarray(x, copy=True), x.array)
    assert np.asarray(x, np.float64).dtype == np.float64
    with pytest.raises(ValueError, match="Unable to avoid copy"):
        np.asarray(x, np.float64, copy=False)
    assert np.shares_memory(np.from_dlpack(x), x.array)
    assert not np.shares_memory(np.from_dlpack(x, copy=True), x.array)
    assert np.shares_memory(from_dlpack(x).array, x.array)
    assert not np.shares_memory(from_dlpack(x, copy=True).array, x.array)
    assert x.__dlpack_device__() == (1, 0)


def test_spikes_that_were_handed_out_count_as_others_may_have_changed_them():
    x = np.full((20, 4, 32), 0.3, np.float32)
    spikes, again = (snn.run(snn.IFNode(), x, mode="compiled").out for _ in range(2))
    assert spikes.sum().item() > 0
    assert not np.shares_memory(np.from_dlpack(again, copy=True), again.array)
    seen = np.from_dlpack(spikes)
    assert np.shares_memory(seen, spikes.array)
    seen[...] = 2.0
    assert spikes.sum().item() == 2.0 * x.size


def test_what_would_lose_a_gradient_is_an_error():
    for take in (np.from_dlpack, from_dlpack):
        with pytest.raises(GradientError, match=r"from_dlpack: expected Tensors that are not being differentiated"):
            grad(lambda x, take=take: x * Tensor(np.asarray(take(x * 2))))(Tensor([1.0, 2.0]))

    def constant(x):
        with no_grad():
            scale = np.from_dlpack(x).mean()
        return x * scale

    assert np.array_equal(grad(constant)(Tensor([1.0, 2.0])), [1.5, 1.5])


def test_while_a_cell_is_traced_there_is_no_memory():
    class Own(Cell):
        def construct(self, x):
            return ops.exp(x) * Tensor(np.from_dlpack(x))

    with pytest.raises(CompileError, match=r"test_dlpack.py, line \d+, in construct: .*the array of a Tensor"):
        trace(Own(), np.dtype("float32"))


@pytest.mark.parametrize(
    ("value", "got"),
    [([1.0], "list"), (np.array([1 + 2j]), "Complex128"), (np.array(["a"]), "<U1"), (None, "None")],
    ids=["list", "complex", "text", "None"],
)
def test_what_is_no_array_of_numbers_is_an_error(value, got):
    with pytest.raises(DTypeError, match=rf"from_dlpack: expected .*got .*(?i:{got})"):
        from_dlpack(value)


def test_copy_is_a_flag():
    with pytest.raises(DTypeError, match=r"from_dlpack: expected copy to be a bool"):
        from_dlpack(np.ones(2), copy="no")
