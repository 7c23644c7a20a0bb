"""Methods of MindSpore's Cell, and names in Cells that hold Cells and Parameters of others."""

import pytest

from autograd import Cell, Parameter, ParameterTuple, Tensor, nn
from autograd.errors import CellError, DTypeError

from .helpers import plain


def names(cell):
    return [p.name for p in cell.get_parameters()]


def dotted(cell):
    return list(cell.parameters_dict())


def test_insert_child_to_cell():
    net = Cell()
    net.insert_child_to_cell("a", nn.ReLU())
    net.insert_child_to_cell("a", nn.Dense(1, 1))
    assert {name: type(cell) for name, cell in net.name_cells().items()} == {"a": nn.Dense}
    assert names(net) == ["a.weight", "a.bias"]


def test_insert_param_to_cell():
    net = Cell()
    net.insert_param_to_cell("w", Parameter([1.0], name="q"))
    net.insert_param_to_cell("v", Parameter([2.0]))
    net.insert_param_to_cell("a.b", Parameter([3.0]), check_name_contain_dot=False)
    assert names(net) == ["q", "v", "a.b"]
    assert plain(net.w) == [1.0]


@pytest.mark.parametrize(
    ("insert", "says"),
    [
        (lambda net: net.insert_child_to_cell("a", 3), "Cell.insert_child_to_cell: expected a Cell, got int 3"),
        (
            lambda net: net.insert_child_to_cell("a", Parameter([1.0])),
            "a Cell, got Parameter .* with insert_param_to_cell",
        ),
        (lambda net: net.insert_child_to_cell(3, nn.ReLU()), "expected the name of an attribute, got int 3"),
        (lambda net: net.insert_child_to_cell(None, nn.ReLU()), "expected the name of an attribute, got NoneType None"),
        (lambda net: net.insert_child_to_cell("", nn.ReLU()), "expected a name without a dot, got ''"),
        (lambda net: net.insert_child_to_cell("a.b", nn.ReLU()), "expected a name without a dot, got 'a.b'"),
        (lambda net: net.insert_child_to_cell("construct", nn.ReLU()), "expected a free name for its part, got 'construct'"),
        (lambda net: net.insert_child_to_cell("w", nn.ReLU()), "expected a free name for its part, got 'w'"),
        (lambda net: net.insert_child_to_cell("n", nn.ReLU()), "expected a free name for its part, got 'n'"),
        (lambda net: net.insert_param_to_cell("w", Tensor([1.0])), "expected a Parameter, got"),
        (lambda net: net.insert_param_to_cell("w", nn.ReLU()), "expected a Parameter, got"),
        (lambda net: net.insert_param_to_cell("a.b", Parameter([1.0])), "expected a name without a dot, got 'a.b'"),
        (lambda net: net.insert_param_to_cell(None, Parameter([1.0])), "expected the name of an attribute, got NoneType None"),
        (lambda net: net.insert_param_to_cell("cell", Parameter([1.0])), "expected a free name for its part, got 'cell'"),
        (lambda net: net.insert_param_to_cell("w", Parameter([1.0]), "no"), "expected check_name_contain_dot to be a bool"),
    ],
)
def test_what_cannot_be_inserted(insert, says):
    net = Cell()
    net.w, net.n, net.cell = Parameter([1.0]), 3, nn.ReLU()
    before = dict(vars(net))
    with pytest.raises((CellError, DTypeError), match=says):
        insert(net)
    assert vars(net) == before


@pytest.mark.parametrize(
    ("insert", "kind"),
    [
        (lambda net: net.insert_child_to_cell("a", 3), TypeError),
        (lambda net: net.insert_child_to_cell("a", Parameter([1.0])), TypeError),
        (lambda net: net.insert_child_to_cell(3, nn.ReLU()), TypeError),
        (lambda net: net.insert_param_to_cell("a", 3), TypeError),
    ],
)
def test_a_wrong_type_is_a_type_error_as_in_mindspore(insert, kind):
    with pytest.raises(kind):
        insert(Cell())


def test_none_keeps_a_place_for_a_cell():
    net = Cell()
    net.insert_child_to_cell("a", None)
    assert (net.a, net.cells()) == (None, [])
    net.insert_child_to_cell("a", nn.ReLU())
    assert isinstance(net.a, nn.ReLU)


def test_apply_comes_to_each_cell_once_and_to_those_below_first():
    shared = nn.ReLU()
    net = nn.SequentialCell(nn.SequentialCell(shared, nn.Tanh()), shared)
    net.append(nn.SequentialCell())
    found = []
    assert net.apply(lambda cell: found.append(type(cell).__name__)) is net
    assert found == ["ReLU", "Tanh", "SequentialCell", "SequentialCell", "SequentialCell"]


def test_parameters_here_and_below():
    net = nn.SequentialCell(nn.Dense(1, 1, has_bias=False))
    net.scale = Parameter([1.0])
    net.offset = Parameter([1.0], requires_grad=False)
    assert [len(net.get_parameters(expand)) for expand in (True, False)] == [3, 2]
    assert [[p.name for p in net.trainable_params(r)] for r in (True, False)] == [["0.weight", "scale"], ["scale"]]
    net[0].weight.requires_grad = False
    assert [[p.name for p in net.untrainable_params(r)] for r in (True, False)] == [["0.weight", "offset"], ["offset"]]
    assert list(net.init_parameters_data()) == net.get_parameters()


def test_flags():
    net = nn.SequentialCell(nn.ReLU())
    assert net.add_flags(fast=True) is net
    assert net.add_flags_recursive(loop=2, name="x") is net
    assert (net.get_flags(), net[0].get_flags()) == ({"fast": True, "loop": 2, "name": "x"}, {"loop": 2, "name": "x"})
    assert (net.fast, net[0].loop, hasattr(net[0], "fast")) == (True, 2, False)
    assert nn.ReLU().get_flags() == {}


def test_apply_goes_from_below_upwards():
    seen = []
    net = nn.SequentialCell(nn.SequentialCell(nn.ReLU()), nn.Sigmoid())
    assert net.apply(lambda cell: seen.append(cell.cls_name)) is net
    assert seen == ["ReLU", "SequentialCell", "Sigmoid", "SequentialCell"]


def test_bprop_debug_is_a_flag():
    net = nn.ReLU()
    assert net.bprop_debug is False
    net.bprop_debug = True
    assert net.bprop_debug is True
    with pytest.raises(DTypeError, match=r"ReLU.bprop_debug: expected a bool, got int 1"):
        net.bprop_debug = 1


class Trained(Cell):
    """Holds a network and, beside it, lists of its Parameters, as a MindSpore program that trains does."""

    def __init__(self, network, auto_prefix=False, first=False):
        super().__init__(auto_prefix)
        if first:
            self.weights = ParameterTuple(network.trainable_params())
        self.network = network
        self.weights = ParameterTuple(network.trainable_params())
        self.listed = network.trainable_params()


@pytest.mark.parametrize("first", [False, True])
def test_a_list_of_parameters_that_belong_to_a_cell_below_names_nothing(first):
    network = nn.SequentialCell(nn.Dense(1, 1), nn.Dense(1, 1, has_bias=False))
    before = names(network)
    trained = Trained(network, first=first)
    assert names(trained) == names(network) == before == ["0.weight", "0.bias", "1.weight"]
    assert len(dotted(trained)) == 3


def test_names_get_the_attribute_before_them_unless_the_cell_says_no():
    network = nn.Dense(1, 1)
    Trained(network)
    assert names(network) == ["weight", "bias"]
    trained = Trained(network, auto_prefix=True)
    assert names(network) == ["network.weight", "network.bias"]
    assert dotted(trained) == ["network.weight", "network.bias"]


def test_a_list_of_own_parameters_names_nothing_and_a_list_that_holds_them_does():
    class Own(Cell):
        def __init__(self):
            super().__init__()
            self.w = Parameter([1.0])
            self.internal_params = [self.w]
            self.held = [Parameter([2.0])]

    assert names(Own()) == dotted(Own()) == ["w", "held.0"]


def test_a_container_takes_no_name_with_a_dot():
    with pytest.raises(CellError, match=r"expected names without a dot, got 'a\.b'\. .*rename it"):
        nn.SequentialCell({"a.b": nn.ReLU()})
