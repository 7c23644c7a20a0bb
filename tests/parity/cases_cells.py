"""K and V: Cells, their Parameters and names, Dense, hooks."""
# ruff: noqa: N802 - a function has the name of its case

import numpy as np

import autograd as ms
from autograd import Cell, Parameter, ParameterTuple, Tensor, grad, nn
from autograd.errors import ArgumentError, AutogradError, CellError, DTypeError, ShapeError

from .table import Fails, X, Y, cell, differs, full, linear, same, triples

DATA = "New values of another shape for a Parameter"

BEFORE_INIT = Fails(CellError, "expected super().__init__() before it is given")


def made_before_init(part):
    class Net(Cell):
        def __init__(self):
            self.part = part

    return Net()


@same(BEFORE_INIT)
def K1_param_before_super():
    return made_before_init(Parameter([1.0]))


@same(BEFORE_INIT)
def K1_cell_before_super():
    return made_before_init(nn.ReLU())


def names(cell):
    return [p.name for p in cell.get_parameters()]


FOUR = ["0.weight", "0.bias", "1.weight", "1.bias"]


@same((FOUR, FOUR, ["", "0", "1"]))
def K2_names():
    net = nn.SequentialCell([nn.Dense(2, 3), nn.Dense(3, 1)])
    return names(net), list(net.parameters_dict()), [name for name, _ in net.cells_and_names()]


@differs("The name of a Parameter without one", ("Parameter", "w"))
def K3_default_param_name():
    return Parameter([1.0]).name, cell(None, w=Parameter([1.0])).w.name


@same(["w", "w"])
def K4_same_name_two_params():
    return names(cell(None, a=Parameter([1.0], name="w"), b=Parameter([1.0], name="w")))


@same(Fails(AttributeError, "nothing"))
def K5_delattr_and_missing():
    net = linear()
    del net.w
    assert names(net) == ["b"]
    assert not hasattr(net, "w")
    return net.nothing


def assigned(value):
    net = linear()
    net.w = value
    return net.w


@same(None)
def K6_assign_none_to_param():
    return assigned(None)


@same(("Parameter", [9.0] * 3))
def K6_assign_tensor_to_param():
    w = assigned(Tensor([9.0, 9.0, 9.0]))
    return type(w).__name__, w


@same(Fails(AttributeError, "expected a Parameter or a Tensor of new values, got int 3"))
def K6_assign_int_to_param():
    return assigned(3)


@same((False, False, True, True))
def K7_training_flags():
    net = linear()
    before = net.training, net.requires_grad
    return *before, net.set_train().training, net.set_grad().requires_grad


def two_inputs():
    class Net(Cell):
        def construct(self, x, y):
            return x * y

    return Net()


@same(Fails(TypeError, "missing 1 required positional argument: 'y'"))
def K8_wrong_nargs():
    return two_inputs()(X)


@same(Fails(TypeError, "takes 3 positional arguments but 4 were given"))
def K8_too_many_args():
    return two_inputs()(X, Y, X)


@same(Fails(AttributeError, "expected a method `construct`"))
def K9_no_construct():
    return type("Net", (Cell,), {})()(X)


@differs("How a Dense prints", ([[3.0] * 3], "Dense(in_channels=2, out_channels=3, has_bias=True)", "weight", (3, 2)))
def K10_dense():
    dense = nn.Dense(2, 3, weight_init="ones", bias_init="zeros")
    return dense(Tensor([[1.0, 2.0]])), str(dense), dense.weight.name, dense.weight.shape


@same((True, True, True))
def V1_set_train_recursive():
    net = nn.SequentialCell(nn.Dense(2, 2))
    net.set_train()
    return net.training, net[0].training, net.set_train(False) is net


@differs("How a Dense prints", "SequentialCell(\n  (0): Dense(in_channels=2, out_channels=2, has_bias=True)\n  (1): ReLU()\n)")
def V2_repr_seq():
    return repr(nn.SequentialCell(nn.Dense(2, 2), nn.ReLU()))


@same((["a"], "ReLU"))
def V3_insert_child_to_cell():
    net = Cell()
    net.insert_child_to_cell("a", nn.ReLU())
    return list(net.name_cells()), type(net.a).__name__


@same(["q"])
def V3_insert_param_to_cell():
    net = Cell()
    net.insert_param_to_cell("w", Parameter([1.0], name="q"))
    return names(net)


@same(["a"])
def V4_dup_cell_name():
    net = Cell()
    net.insert_child_to_cell("a", nn.ReLU())
    net.insert_child_to_cell("a", nn.ReLU())
    return list(net.name_cells())


@same((["w"], ["w"]))
def V5_param_same_object_twice():
    w = Parameter([1.0], name="w")
    net = cell(None, a=w, b=w)
    return names(net), [p.name for p in net.trainable_params()]


@differs("The names of Parameters in a Cell that stands in two places", ["a.weight", "a.bias"])
def V6_shared_cell_params_once():
    dense = nn.Dense(1, 1)
    return names(cell(None, a=dense, b=dense))


@same((["b"], ["w"]))
def V7_untrainable():
    net = linear()
    net.w.requires_grad = False
    return [p.name for p in net.trainable_params()], [p.name for p in net.untrainable_params()]


@differs(DATA, Fails(ShapeError, "Parameter 'w'.set_data: expected shape [3], got"))
def V8_param_set_data():
    w = linear().w
    assert w.set_data(Tensor([7.0, 8.0, 9.0])).asnumpy().tolist() == [7.0, 8.0, 9.0]
    return w.set_data(Tensor([7.0, 8.0]))


@same([7.0, 8.0, 9.0])
def V8_param_set_data_dtype():
    return linear().w.set_data(Tensor([7, 8, 9], ms.int32))


@same([7.0, 8.0, 9.0])
def V8_param_set_data_f64():
    return linear().w.set_data(Tensor([7, 8, 9], ms.float64))


@same(("p", False))
def V9_param_clone():
    p = Parameter([1.0], name="p")
    return p.clone().name, p.clone() is p


SHOWN = "Parameter (name=p, shape=(2,), dtype=Float32, requires_grad=True)"


@same((SHOWN, SHOWN))
def V10_param_repr():
    p = Parameter([1.0, 2.0], name="p")
    return repr(p), str(p)


@differs("A Parameter made from a whole number", (ms.float64, ms.int64, ms.float32, ms.float32))
def V11_param_from_numpy():
    return tuple(Parameter(value, name="p").dtype for value in (np.ones(2), 3, 3.0, [1.0, 2.0]))


@same(Fails(DTypeError, "expected a name that is a string or None, got int 3"))
def V11_param_bad_name():
    return Parameter([1.0], name=3)


@same((True, "Tensor"))
def V12_param_isinstance_tensor():
    p = Parameter([1.0])
    return isinstance(p, Tensor), type(p + 1).__name__


@same(Fails(ArgumentError, "expected distinct names, got 'p' twice"))
def V13_parametertuple_dup():
    return ParameterTuple([Parameter([1.0], name="p"), Parameter([1.0], name="p")])


@same(Fails(DTypeError, "expected Parameters only, got int 1"))
def V13_parametertuple_nonparam():
    return ParameterTuple([1])


@differs(DATA, Fails(ShapeError, "expected shape [3], got"))
def V14_param_assign_wrong_shape():
    return assigned(Tensor([1.0, 2.0]))


@same(((3, 2), (3,), ms.float32, True, 2, 3))
def V15_dense_default_init():
    d = nn.Dense(2, 3)
    return d.weight.shape, d.bias.shape, d.weight.dtype, d.has_bias, d.in_channels, d.out_channels


@same(Fails(ArgumentError, "expected in_channels to be a positive int, got int 0"))
def V16_dense_bad():
    return nn.Dense(0, 3)


@same(Fails(ShapeError, "expected an input [..., 2], got [2, 3] Float32"))
def V16_dense_wrong_in():
    return nn.Dense(2, 3)(X)


@same((True, True))
def V17_cell_setattr_bprop_flag():
    net = triples()
    return net.has_bprop, hasattr(net, "bprop")


@same(Fails(AutogradError, "bprop_debug"))
def V18_bprop_debug_nonbool():
    triples().bprop_debug = 1


@same(full(3))
def V18_bprop_debug_true():
    net = triples()
    net.bprop_debug = True
    return grad(net)(X)


def listened(net):
    seen = []
    net.register_backward_hook(lambda cell, grad_input, grad_output: seen.append((grad_input, grad_output)))
    gradient = grad(net)(X)
    return gradient, *seen


@same((full(3), ((full(3),), (full(1),))))
def V19_register_backward_hook_on_bprop_cell():
    return listened(triples())


@same((full(2), ((full(2),), (full(1),))))
def V19_register_backward_hook_on_plain_cell():
    return listened(cell(lambda self, x: x * 2))
