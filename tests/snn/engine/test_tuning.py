"""Each threshold has its reason, and a benchmark that exists."""

import ast
import re
from dataclasses import fields
from itertools import pairwise
from pathlib import Path

from snn.engine import tuning
from snn.engine.tuning import Tuning

BENCHMARKS = Path(__file__).parents[3] / "benchmarks"


def test_each_threshold_has_its_reason_and_a_benchmark():
    body = next(n for n in ast.parse(Path(tuning.__file__).read_text("utf-8")).body if isinstance(n, ast.ClassDef)).body
    reasons = {
        field.target.id: ast.literal_eval(text.value)
        for field, text in pairwise(body)
        if isinstance(field, ast.AnnAssign) and isinstance(text, ast.Expr)
    }
    assert list(reasons) == [field.name for field in fields(Tuning)]
    for name, reason in reasons.items():
        found = re.search(r"\(``benchmarks (\w+)``", reason)
        assert found, name
        assert (BENCHMARKS / f"{found[1]}.py").exists(), name
