"""The behaviour of MindSpore, case by case, and ours."""

from collections import Counter
from pathlib import Path

import pytest

from . import (  # noqa: F401 - each adds its cases
    cases_cells,
    cases_dtypes,
    cases_gradop,
    cases_inputs,
    cases_ops,
    cases_orders,
    cases_parameters,
    cases_returns,
    cases_seed,
    cases_structure,
    cases_transforms,
)
from .names import NAMES, OUT_OF_SCOPE
from .table import CASES, hold

PAGE = Path(__file__).parents[2] / "docs" / "mindspore.md"


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_case(case):
    hold(case)


def test_every_case_of_the_table_is_accounted_for_once():
    out_of_scope = [name for names in OUT_OF_SCOPE.values() for name in names]
    assert Counter([*CASES, *out_of_scope]) == Counter(NAMES)


def subjects(heading):
    """Return the first two columns of the table below a heading of the page."""
    section = PAGE.read_text(encoding="utf-8").split(f"## {heading}\n")[1].split("\n## ")[0]
    _, _, *rows = [line for line in section.splitlines() if line.startswith("|")]
    return sorted(tuple(row.removeprefix("| ").split(" | ")[:2]) for row in rows)


def test_the_page_says_which_mode_we_follow_where_they_disagree():
    mode = {"pynative": "PyNative", "graph": "Graph"}
    held = {(case.subject, mode[case.follows]) for case in CASES.values() if case.follows in mode}
    assert subjects("Where MindSpore's two modes disagree") == sorted(held)


def test_the_page_says_where_we_differ_from_both():
    held = {case.subject for case in CASES.values() if case.follows == "neither"}
    assert [what for what, _ in subjects("Where we differ from both")] == sorted(held)


def test_the_page_says_what_is_out_of_scope():
    assert all(f": {reason}.\n" in PAGE.read_text(encoding="utf-8") for reason in OUT_OF_SCOPE)
