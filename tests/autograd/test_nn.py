"""Layers, containers and initialisers."""

import numpy as np
import pytest

from autograd import Cell, Parameter, Tensor, check_grad, grad, nn, ops, value_and_grad
from autograd.errors import ArgumentError, CellError, DTypeError, PositionError, ShapeError

from .helpers import f64, plain, x23


def rng(seed=0):
    return np.random.default_rng(seed)


# Dense


def test_dense_as_in_the_behaviour_table():
    dense = nn.Dense(2, 3, weight_init="ones", bias_init="zeros")
    assert plain(dense(Tensor([[1.0, 2.0]]))) == [[3.0, 3.0, 3.0]]
    assert repr(dense) == str(dense) == "Dense(in_channels=2, out_channels=3, has_bias=True)"
    assert (dense.weight.name, dense.weight.shape, dense.bias.shape) == ("weight", (3, 2), (3,))
    assert (dense.has_bias, dense.in_channels, dense.out_channels, dense.weight.dtype) == (True, 2, 3, np.float32)


@pytest.mark.parametrize("leading", [(), (4,), (5, 4), (2, 0)])
@pytest.mark.parametrize("bias", [True, False])
def test_dense_is_x_times_weight_transposed_plus_bias(leading, bias):
    dense = nn.Dense(3, 2, has_bias=bias, dtype="float64", rng=0)
    x = rng().normal(size=(*leading, 3))
    want = x @ dense.weight.array.T + (dense.bias.array if bias else 0)
    np.testing.assert_allclose(dense(x).array, want, rtol=1e-14)


def test_gradients_of_dense():
    weight, bias = rng().normal(size=(2, 3)), rng(1).normal(size=2)
    layer = nn.Dense(3, 2, weight, bias, dtype="float64", activation=ops.tanh)
    x = rng(2).normal(size=(4, 3))
    check_grad(layer, x, order=2)

    def by_weights(w, b):
        return ops.tanh(ops.matmul(f64(x), ops.transpose(w)) + b)

    analytic = grad(layer, None, [layer.weight, layer.bias])(f64(x))
    for got, want in zip(analytic, grad(by_weights, (0, 1))(f64(weight), f64(bias)), strict=True):
        np.testing.assert_allclose(got.array, want.array, rtol=1e-13)
    check_grad(by_weights, (weight, bias))


def test_dense_takes_arrays_numbers_and_names():
    given = np.arange(6).reshape(2, 3)
    dense = nn.Dense(3, 2, weight_init=given, bias_init=0.5)
    assert plain(dense.weight) == [[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]]
    assert plain(dense.bias) == [0.5, 0.5]
    assert plain(nn.Dense(1, 2, Tensor([[1.0], [2.0]]), "ones").weight) == [[1.0], [2.0]]


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_dense_keeps_the_dtype(dtype):
    dense = nn.Dense(2, 2, dtype=dtype, rng=0)
    out = dense(Tensor([1.0, 2.0], dtype))
    assert {str(out.dtype), str(dense.weight.dtype), str(dense.bias.dtype)} == {dtype}


def test_the_same_seed_gives_the_same_weights():
    first, same, other = nn.Dense(4, 3, rng=5), nn.Dense(4, 3, rng=rng(5)), nn.Dense(4, 3, rng=6)
    assert np.array_equal(first.weight.array, same.weight.array)
    assert np.array_equal(first.bias.array, same.bias.array)
    assert not np.array_equal(first.weight.array, other.weight.array)


def test_the_default_start_is_uniform_within_one_over_the_root_of_the_inputs():
    dense = nn.Dense(25, 4000, rng=0)
    for values in (dense.weight.array, dense.bias.array):
        assert np.abs(values).max() <= 0.2 + 1e-7
        assert np.abs(values).max() > 0.199
        assert values.std() == pytest.approx(0.2 / np.sqrt(3), rel=0.03)


@pytest.mark.parametrize(("sizes", "name"), [((0, 3), "in_channels"), ((2, -1), "out_channels"), ((2.0, 3), "in_channels"),
                                             ((True, 3), "in_channels"), (("2", 3), "in_channels")])  # fmt: skip
def test_sizes_that_are_no_positive_ints_are_refused(sizes, name):
    with pytest.raises(
        ArgumentError, match=rf"Dense: expected {name} to be a positive int, got .* It is the number of features"
    ):
        nn.Dense(*sizes)


def test_an_input_of_another_width_is_refused():
    message = (
        r"Dense\(in_channels=2, .*\): expected an input \[..., 2\], got \[2, 3\] Float32. Flatten it, or change in_channels"
    )
    with pytest.raises(ShapeError, match=message):
        nn.Dense(2, 3)(x23())
    with pytest.raises(ShapeError, match=r"expected an input \[..., 2\], got \[\] Float32"):
        nn.Dense(2, 3)(1.0)


def test_initial_values_that_do_not_fit_are_refused():
    with pytest.raises(
        ShapeError, match=r"Dense, weight_init: expected values of shape \[3, 2\], got ndarray \[2, 3\] Float64"
    ):
        nn.Dense(2, 3, weight_init=np.zeros((2, 3)))
    with pytest.raises(
        ArgumentError, match=r"Dense, bias_init: expected one of zeros, ones, .*, got 'nonsense'. Or pass an init"
    ):
        nn.Dense(2, 3, bias_init="nonsense")
    with pytest.raises(DTypeError, match=r"Dense: expected a bool, int or float dtype"):
        nn.Dense(2, 3, dtype="complex64")


# Dropout


def test_dropout_zeroes_a_share_and_keeps_the_mean():
    dropout = nn.Dropout(0.3, rng=0).set_train()
    out = dropout(np.ones((200, 200), np.float32)).array
    assert sorted(set(out.ravel().tolist())) == pytest.approx([0.0, 1 / 0.7])
    assert (out == 0).mean() == pytest.approx(0.3, abs=0.01)  # standard error 0.0023
    assert out.mean() == pytest.approx(1.0, abs=0.015)


def test_dropout_passes_everything_when_not_training_or_with_p_zero():
    x = x23()
    assert nn.Dropout(0.5)(x) is x
    assert nn.Dropout(0.0).set_train()(x) is x


def test_dropout_is_repeatable_only_where_it_draws_nothing():
    assert nn.Dropout(0.5).repeatable
    assert nn.Dropout(0.0).set_train().repeatable
    assert not nn.Dropout(0.5).set_train().repeatable
    assert nn.ReLU().set_train().repeatable


def test_dropout_with_the_same_generator_gives_the_same_bits():
    x = np.ones(50, np.float32)
    first, same = nn.Dropout(0.5, rng=3).set_train(), nn.Dropout(0.5, rng=rng(3)).set_train()
    draws = [first(x).array, first(x).array]
    assert np.array_equal(draws[0], same(x).array)
    assert np.array_equal(draws[1], same(x).array)
    assert not np.array_equal(*draws)


def test_the_gradient_of_dropout_is_its_mask():
    dropout = nn.Dropout(0.5, rng=0).set_train()
    x = Tensor(np.full(20, 3.0))
    out, gradient = value_and_grad(dropout)(x)
    assert np.array_equal(gradient.array * 3, out.array)
    assert set(plain(gradient)) == {0.0, 2.0}


@pytest.mark.parametrize(
    ("dtype", "wanted"), [("float16", "float16"), ("float64", "float64"), ("int64", "float32"), ("bool", "float32")]
)
def test_dropout_scales_every_dtype(dtype, wanted):
    out = nn.Dropout(0.5, rng=0).set_train()(Tensor(np.ones(50), dtype))
    assert out.dtype == wanted
    assert set(plain(out)) == {0.0, 2.0}


@pytest.mark.parametrize("p", [-0.1, 1.0, 2, float("nan")])
def test_a_share_outside_zero_to_one_is_refused(p):
    with pytest.raises(ArgumentError, match=r"Dropout: expected a probability p in \[0, 1\), got .* p is the share"):
        nn.Dropout(p)


# Small layers and containers


def test_flatten_relu_and_sigmoid():
    assert nn.Flatten()(np.zeros((2, 3, 4))).shape == (2, 12)
    assert plain(nn.ReLU()(Tensor([-1.0, 2.0]))) == [0.0, 2.0]
    assert plain(nn.Sigmoid()(Tensor([0.0]))) == [0.5]
    assert repr(nn.Dropout(0.1)) == "Dropout(p=0.1)"


@pytest.mark.parametrize("build", [lambda *c: nn.SequentialCell(*c), lambda *c: nn.SequentialCell(list(c))])
def test_a_sequence_runs_in_order(build):
    net = build(nn.Dense(2, 1, "ones", "zeros"), nn.ReLU())
    assert plain(net(Tensor([[1.0, -3.0], [1.0, 3.0]]))) == [[0.0], [4.0]]
    assert len(net) == 2
    assert [type(c).__name__ for c in net] == ["Dense", "ReLU"]
    assert net[-1] is list(net)[1]


def test_a_sequence_with_names():
    net = nn.SequentialCell({"hidden": nn.Dense(2, 2), "out": nn.Dense(2, 1)})
    assert [name for name, _ in net.named()] == ["hidden", "out"]
    assert list(net.parameters_dict()) == ["hidden.weight", "hidden.bias", "out.weight", "out.bias"]
    assert net.hidden is net[0]


def test_appending_goes_on_counting():
    net = nn.SequentialCell(nn.ReLU())
    net.append(nn.Dense(1, 1))
    assert list(net.parameters_dict()) == ["1.weight", "1.bias"]


def test_a_cell_list_is_seen_but_not_called():
    class Net(Cell):
        def __init__(self):
            super().__init__()
            self.layers = nn.CellList([nn.Dense(1, 1), nn.Dense(1, 1, has_bias=False)])

    net = Net()
    assert list(net.parameters_dict()) == ["layers.0.weight", "layers.0.bias", "layers.1.weight"]
    assert len(nn.CellList()) == 0
    with pytest.raises(CellError, match=r"CellList: expected a method `construct`, got a class without one"):
        net.layers(x23())


def test_containers_refuse_what_is_no_cell_and_names_that_are_taken():
    with pytest.raises(
        CellError, match=r"SequentialCell: expected Cells, got Primitive <operation relu> as '0'. Wrap a function"
    ):
        nn.SequentialCell(ops.relu)
    with pytest.raises(CellError, match=r"CellList: expected Cells, got Parameter \[1\] Float32 as '1'"):
        nn.CellList([nn.ReLU(), Parameter([1.0])])
    with pytest.raises(CellError, match=r"SequentialCell: expected a free name for a Cell, got 'append'. Choose another name"):
        nn.SequentialCell({"append": nn.ReLU()})


# Initialisers

LARGE, FAN_IN, FAN_OUT = (300, 500), 500, 300


@pytest.mark.parametrize(
    ("how", "std", "bound"),
    [
        (nn.init.Uniform(0.3), 0.3 / 3**0.5, 0.3),
        (nn.init.Normal(0.3), 0.3, None),
        (nn.init.XavierUniform(2.0), 2 * (2 / (FAN_IN + FAN_OUT)) ** 0.5, 2 * (6 / (FAN_IN + FAN_OUT)) ** 0.5),
        (nn.init.XavierNormal(2.0), 2 * (2 / (FAN_IN + FAN_OUT)) ** 0.5, None),
        (nn.init.KaimingUniform(0.0), (2 / FAN_IN) ** 0.5, (6 / FAN_IN) ** 0.5),
        (nn.init.KaimingUniform(), (1 / (3 * FAN_IN)) ** 0.5, FAN_IN**-0.5),
        (nn.init.KaimingNormal(), (2 / FAN_IN) ** 0.5, None),
        (nn.init.KaimingNormal(1.0), (1 / FAN_IN) ** 0.5, None),
    ],
    ids=str,
)
def test_spread_of_an_initialiser(how, std, bound):
    values = how(LARGE, rng())
    assert values.shape == LARGE
    assert values.mean() == pytest.approx(0, abs=0.01 * std)  # standard error 0.0026 std
    assert values.std() == pytest.approx(std, rel=0.01)
    if bound is not None:
        assert 0.999 * bound < np.abs(values).max() <= bound
    assert np.array_equal(values, how(LARGE, rng()))


def test_defaults_of_initialisers():
    init = nn.init
    assert (init.Uniform(), init.Normal(), init.Constant()) == (init.Uniform(0.07), init.Normal(0.01, 0.0), init.Constant(0.0))
    assert (init.XavierUniform(), init.XavierNormal()) == (init.XavierUniform(1.0), init.XavierNormal(1.0))


def test_constant_and_shifted_initialisers():
    assert nn.init.Constant(3.0)((2,), rng()).tolist() == [3.0, 3.0]
    assert nn.init.Normal(0.1, mean=5.0)(LARGE, rng()).mean() == pytest.approx(5.0, abs=0.001)


def test_fans_of_a_kernel_count_its_field():
    assert nn.init.KaimingNormal(0.0)((200, 4, 3, 3), rng()).std() == pytest.approx((2 / 36) ** 0.5, rel=0.03)
    assert nn.init.KaimingNormal(0.0)((5000,), rng()).std() == pytest.approx((2 / 5000) ** 0.5, rel=0.05)


@pytest.mark.parametrize(
    "name", ["zeros", "ones", "uniform", "normal", "xavier_uniform", "xavier_normal", "he_uniform", "he_normal"]
)
def test_initialisers_have_mindspores_names(name):
    assert nn.Dense(3, 2, weight_init=name, rng=0).weight.shape == (2, 3)


# Containers as lists


def kinds(net):
    return [(name, type(cell).__name__) for name, cell in net.named()]


def three(kind=nn.SequentialCell):
    return kind([nn.Dense(2, 3, rng=0), nn.ReLU(), nn.Dense(3, 1, rng=1)])


both = pytest.mark.parametrize("kind", [nn.SequentialCell, nn.CellList])


@both
@pytest.mark.parametrize("index", [1, -2, "1", np.int64(1)])
def test_a_cell_is_replaced_in_place(kind, index):
    net = three(kind)
    net[index] = nn.Tanh()
    assert kinds(net) == [("0", "Dense"), ("1", "Tanh"), ("2", "Dense")]
    assert net["2"] is net[2] is net[-1]


def test_what_was_replaced_is_what_runs():
    net = three()
    net[1] = nn.Tanh()
    x = x23()[:, :2]
    assert np.array_equal(net(x), net[2](ops.tanh(net[0](x))))
    assert np.abs(net(x).array).max() > 0


@both
def test_containers_change_as_lists_do(kind):
    net = three(kind)
    items = [*net]
    for change in (
        lambda cells, new: cells.append(new[0]),
        lambda cells, new: cells.extend(new),
        lambda cells, new: cells.insert(0, new[0]),
        lambda cells, new: cells.insert(-1, new[0]),
        lambda cells, new: cells.__delitem__(1),
        lambda cells, new: cells.__setitem__(slice(1, 3), new[:1]),
        lambda cells, new: cells.__setitem__(slice(2, 2), new),
        lambda cells, new: cells.__delitem__(slice(None, None, 2)),
    ):
        new = [nn.Dense(1, 1), nn.Tanh()]
        change(net, new)
        change(items, new)
        assert [*net] == items
        assert [name for name, _ in net.named()] == [str(i) for i in range(len(items))]
        assert [p.name for p in net.trainable_params()] == list(net.state_dict())


def test_names_that_were_given_stay_when_others_move():
    net = nn.SequentialCell({"hidden": nn.Dense(1, 1), "out": nn.Dense(1, 1)})
    assert net.insert(1, nn.ReLU()) is net
    assert kinds(net) == [("hidden", "Dense"), ("1", "ReLU"), ("out", "Dense")]
    del net["hidden"]
    assert kinds(net) == [("0", "ReLU"), ("out", "Dense")]


def test_a_slice_shares_its_cells_and_leaves_their_names():
    class Net(Cell):
        def __init__(self):
            super().__init__()
            self.body = three()

    body = Net().body
    part = body[1:]
    assert type(part) is nn.SequentialCell
    assert part[1] is body[2]
    assert list(part.state_dict()) == ["2.weight", "2.bias"]
    assert body[2].weight.name == "body.2.weight"
    x = Tensor([[1.0, -2.0, 3.0]])
    assert np.array_equal(part(x), body[2](ops.relu(x)))


@both
@pytest.mark.parametrize("index", [3, -4, "3", 1.0, None])
def test_a_position_that_is_not_there_is_refused(kind, index):
    net = three(kind)
    message = rf"{kind.__name__}: expected a position in the 3 Cells, a slice or a name, got {index!r}. Its Cells are 0, 1, 2"
    for use in (lambda: net[index], lambda: net.__setitem__(index, nn.ReLU()), lambda: net.__delitem__(index)):
        with pytest.raises(PositionError, match=message) as caught:
            use()
        assert isinstance(caught.value, IndexError)


@both
@pytest.mark.parametrize(
    "change",
    [
        lambda n: n.append(ops.relu),
        lambda n: n.insert(0, None),
        lambda n: n.__setitem__(0, 1),
        lambda n: n.extend([nn.ReLU(), 2]),
        lambda n: n.__setitem__(slice(0, 2), [nn.ReLU(), 3]),
    ],
)
def test_what_is_no_cell_changes_nothing(kind, change):
    net = three(kind)
    before = net.named()
    with pytest.raises(CellError, match=rf"{kind.__name__}: expected Cells, got .* as '[0-4]'. Wrap a function"):
        change(net)
    assert net.named() == before


# One name


def test_a_cell_in_two_places_has_the_name_of_the_first_everywhere():
    dense = nn.Dense(2, 2)
    net = nn.SequentialCell(dense, nn.ReLU(), dense)
    assert [p.name for p in net.trainable_params()] == list(net.state_dict()) == ["0.weight", "0.bias"]
    del net[0]
    assert [p.name for p in net.trainable_params()] == list(net.state_dict()) == ["1.weight", "1.bias"]


def test_a_name_is_the_path_of_the_state_dict_whatever_the_order_of_building():
    class Net(Cell):
        def __init__(self):
            super().__init__()
            self.first, self.second = nn.CellList(), nn.SequentialCell()
            shared = nn.Dense(1, 1)
            for cells in (self.first, self.second):
                cells.append(nn.Dense(1, 1))
                cells.append(shared)
            self.second.scale = Parameter([1.0])
            self.second.shift = Parameter([1.0], name="offset")
            self.again = shared

    outer = nn.SequentialCell({"net": Net()})
    outer.net.second.append(nn.Dense(1, 1))
    del outer.net.first
    names = [p.name for p in outer.get_parameters()]
    assert names == list(outer.state_dict())
    assert names == [
        "net.second.0.weight", "net.second.0.bias", "net.second.1.weight", "net.second.1.bias", "net.second.scale",
        "net.second.offset", "net.second.2.weight", "net.second.2.bias",
    ]  # fmt: skip


@pytest.mark.parametrize("dtype", [int, bool, np.uint8])
def test_weights_of_whole_numbers_are_refused(dtype):
    with pytest.raises(DTypeError, match="Dense: expected a float dtype, got"):
        nn.Dense(2, 3, dtype=dtype)
