"""HTML tables of nets and of values, for notebooks."""

from xml.etree import ElementTree

import numpy as np
import pytest

from autograd import Cell, Parameter, Tensor, nn
from autograd.html import of_values, table


def rows(page):
    """Return the texts of a table's rows; the page must be well-formed."""
    return [["".join(cell.itertext()) for cell in row] for row in ElementTree.fromstring(f"<div>{page}</div>").iter("tr")]


class Own(Cell):
    def __init__(self):
        super().__init__()
        self.scale = Parameter(np.ones((2, 3), np.float32), requires_grad=False)
        self.inside = nn.SequentialCell(nn.Dense(3, 2), nn.ReLU())
        self.again = self.inside


def test_a_net_shows_layers_shapes_and_numbers():
    net = Own()
    page = net._repr_html_()
    head, *layers, total = rows(page)
    assert head == ["layer", "kind", "arguments or equations", "Parameters", "values"]
    assert [row[:2] for row in layers] == [
        ["-", "Own"],
        ["inside", "SequentialCell"],
        ["inside.0", "Dense"],
        ["inside.1", "ReLU"],
    ]
    assert layers[0][3:] == ["scale [2, 3]", "6"]
    assert layers[2][2:] == ["in_channels=3, out_channels=2, has_bias=True", "weight [2, 3]; bias [2]", "8"]
    assert total == ["total", "", "", "", "14"]
    assert "Own: 14 values in Parameters, 8 of them trained" in page
    assert sum(p.size for p in net.get_parameters()) == 14


def test_a_shared_parameter_counts_once():
    first, second = nn.Dense(3, 3), nn.Dense(3, 3)
    second.__dict__["weight"] = first.weight
    _, _, _, layer, total = rows(nn.SequentialCell(first, second)._repr_html_())
    assert layer[3:] == ["weight [3, 3], shared; bias [3]", "3"]
    assert total[-1] == "15"


def test_a_net_that_holds_itself_or_is_not_ready_has_a_table_too():
    class Unready(Cell):
        def __init__(self):
            pass

    net = nn.SequentialCell(nn.ReLU())
    net.__dict__["loop"] = net
    assert len(rows(net._repr_html_())) == 4
    assert rows(Unready()._repr_html_())[1][:2] == ["-", "Unready"]


def test_text_is_escaped():
    class Sly(Cell):
        def extra_repr(self):
            return "<script>alert('x')</script> & more"

    page = Sly()._repr_html_()
    assert "<script>" not in page
    assert rows(page)[1][2] == "<script>alert('x')</script> & more"
    assert "<b>" not in table("<b>", ["<b>"], [["<b>"]], ["<b>"])


def test_a_table_has_the_colours_of_its_page():
    page = Own()._repr_html_()
    assert page.count("color") == page.count("color: inherit") == 1
    assert "background" not in page


def test_a_long_table_says_how_much_it_leaves_out():
    page = nn.SequentialCell(*[nn.ReLU() for _ in range(300)])._repr_html_()
    found = rows(page)
    assert len(found) == 101
    assert found[-1][0] == "total"
    assert "202 more rows are not shown" in page


@pytest.mark.filterwarnings("error")
def test_values_show_shape_dtype_and_range():
    values = {
        "a": Tensor(np.array([[1.0, 2.0], [3.0, 6.0]], np.float32)),
        "b": {"c": (np.array([True, False]), None)},
        "d": Tensor(np.array([np.nan, np.inf])),
        "e": Tensor(np.zeros((0, 2), np.float32)),
    }
    assert rows(of_values("x", values.items())) == [
        ["value", "shape", "dtype", "least", "mean", "greatest"],
        ["a", "[2, 2]", "float32", "1", "3", "6"],
        ["b.c.0", "[2]", "bool", "0", "0.5", "1"],
        ["b.c.1", "", "NoneType None", "", "", ""],
        ["d", "[2]", "float64", "nan", "nan", "nan"],
        ["e", "[0, 2]", "float32", "", "", ""],
    ]
