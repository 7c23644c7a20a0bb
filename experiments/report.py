"""``python -m experiments report DIR...``: one self-contained HTML page about runs, with all figures.

Runs that differ only in the seed are one line of a table and one curve, with their spread. The page follows the reader's
choice of light or dark, and wide tables scroll on a narrow screen.
"""

from __future__ import annotations

import base64
import html
import math
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from autograd.errors import ArgumentError
from snn.common.files import make_directory, write_whole

from .curves import curves, legend
from .manifest import differences
from .results import Group, Run, find, grouped, read

__all__ = ["main", "page"]

_FIRST = ("test", "validation", "train")
_STYLE = """
:root { color-scheme: light dark; --line: light-dark(#d4d4d4, #444); --soft: light-dark(#f4f4f4, #222);
  --mark: light-dark(#fff0c2, #4a3c00); }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 70rem; margin: 0 auto; padding: 1rem;
  color: light-dark(#1b1b1b, #e6e6e6); background: light-dark(#fff, #141414); }
h1, h2, h3 { line-height: 1.2; overflow-wrap: anywhere; }
.scroll { overflow-x: auto; margin: 1rem 0; border: 1px solid var(--line); border-radius: 4px; width: fit-content;
  max-width: 100%; box-sizing: border-box; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: .3rem .6rem; text-align: left; white-space: nowrap; }
tr + tr td, tbody tr:first-child td { border-top: 1px solid var(--line); }
th, td:first-child { white-space: normal; vertical-align: bottom; }
td:first-child { min-width: 6.5rem; vertical-align: top; }
td.number, th.number { text-align: right; }
tr.differs td, tr.differs th { background: var(--mark); }
th { background: var(--soft); }
img { max-width: 100%; height: auto; }
figure { margin: 1rem 0; }
.panels { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(18rem, 100%), 1fr)); gap: .5rem; }
.panels img { width: 100%; max-width: 30rem; }
.legend { list-style: none; padding: 0; display: flex; flex-wrap: wrap; gap: .2rem 1.2rem; }
.legend i { display: inline-block; width: 1.6rem; margin-right: .4rem; vertical-align: .25em; }
details { margin: .5rem 0; }
summary { cursor: pointer; }
figure img.paper { background: #fff; border-radius: 4px; }
figcaption, .note { font-size: .9rem; }
code { overflow-wrap: anywhere; }
"""

_USAGE = """\
usage: python -m experiments report DIR... [--out FILE]

Write one HTML page about runs, with figures and comparisons. DIR is a run directory, or contains some; FILE is
report.html in the current directory unless given.
"""


def main(args: Sequence[str]) -> int:
    """Write the page of the given runs, ``DIR... [--out FILE]``; return the exit status.

    Without ``--out`` it is ``report.html`` in the current directory.

    Raises
    ------
    ArgumentError
        If a directory is not a run, or an argument is neither a directory nor ``--out``.
    WriteError
        If the page cannot be written.
    """
    if list(args) in (["-h"], ["--help"]):
        print(_USAGE)
        return 0
    places, out = list(args), Path("report.html")
    if "--out" in places:
        at = places.index("--out")
        if at + 1 >= len(places):
            raise ArgumentError(
                "python -m experiments report", "a file after --out", "nothing", "For example --out report.html."
            )
        out = Path(places[at + 1])
        del places[at : at + 2]
    if not places or any(place.startswith("-") for place in places):
        raise ArgumentError(
            "python -m experiments report", "run directories, and perhaps --out FILE", " ".join(args) or "none",
            "For example: report runs/digits --out report.html.",
        )  # fmt: skip
    runs = [read(path) for path in find(map(Path, places))]
    make_directory(out.parent)
    write_whole(out, page(runs).encode(), "The existing files were not changed. Choose another place with --out.")
    print(f"wrote {out}: {len(runs)} runs")
    return 0


def page(runs: Sequence[Run]) -> str:
    """Return the HTML page of some runs."""
    groups = grouped(runs)
    experiments = list(dict.fromkeys(group.experiment for group in groups))
    title = f"Report: {', '.join(experiments)}"
    body = [f"<h1>{_text(title)}</h1>", f"<p>{_count_of(len(runs), 'run')} of {_count_of(len(groups), 'configuration')}.</p>"]
    for experiment in experiments:
        body += _experiment(experiment, [group for group in groups if group.experiment == experiment])
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{_text(title)}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n" + "\n".join(body) + "\n</body>\n</html>\n"
    )


def _experiment(name: str, groups: list[Group]) -> list[str]:
    parts = [f"<h2>{_text(name)}</h2>"]
    metrics = list(dict.fromkeys(metric for group in groups for metric in group.metrics))
    if metrics:
        parts += ["<h3>Last epoch</h3>", "<p>Mean and standard deviation over the seeds.</p>", _results(groups, metrics)]
        kinds = _kinds(metrics)
        if kinds:
            parts += ["<h3>Curves</h3>", legend(groups)]
            parts += [curves(groups, kind, members) for kind, members in kinds.items()]
    parts += ["<h3>Runs</h3>", _runs(groups, metrics), "<h3>Options</h3>", _options(groups), _surroundings(groups)]
    for group in groups:
        parts += _figures(group)
    return parts


def _results(groups: list[Group], metrics: list[str]) -> str:
    """Return the table of the last epoch; the most important splits come first, where a phone shows them."""
    metrics = sorted(metrics, key=lambda metric: (*_FIRST, metric.partition("_")[0]).index(metric.partition("_")[0]))
    rows = []
    for group in groups:
        found = [group.last(metric) for metric in metrics]
        rows.append([group.label, str(len(group.counted)), *(_spread(values) for values in found)])
    return _table(["configuration", "seeds", *metrics], rows, (1, 2 + len(metrics)))


def _runs(groups: list[Group], metrics: list[str]) -> str:
    shown = [metric for metric in metrics if metric.startswith("test_")] or metrics
    places = [run.path.absolute() for group in groups for run in group.runs]
    above = Path(os.path.commonpath([place.parent for place in places]))
    rows = []
    for group in groups:
        for run in group.runs:
            last = run.history[-1] if run.history else {}
            again = [] if run in group.counted else ["not counted: another run with this seed counts"]
            seed, notes = str(run.seed), "; ".join([*run.notes, *again])
            place = str(run.path.absolute().relative_to(above))
            rows.append([group.label, seed, *(_number(last.get(metric)) for metric in shown), place, notes])
    below = f'<p class="note">Directories are below <code>{_text(above)}</code>.</p>'
    return below + _table(["configuration", "seed", *shown, "directory", "notes"], rows, (1, 2 + len(shown)))


def _options(groups: list[Group]) -> str:
    """Return the options. Those that differ come first and are marked."""
    names = dict.fromkeys(name for group in groups for name in group.options)
    rows = [[name, *(str(group.options.get(name, "")) for group in groups)] for name in names]
    rows.sort(key=lambda row: len(set(row[1:])) == 1)
    marked = {number for number, row in enumerate(rows) if len(set(row[1:])) > 1}
    return _table(["option", *(group.label for group in groups)], rows, marked=marked)


def _surroundings(groups: list[Group]) -> str:
    """Return the circumstances of the first run, and the differences of the others from it."""
    runs = [run for group in groups for run in group.runs]
    first = runs[0].config
    rows = [[part, f"{name}: {value}"] for part in ("versions", "cpu", "blas") for name, value in first.get(part, {}).items()]
    text = "".join(
        f"<li><code>{_text(str(run.path))}</code>: {_text(line)}</li>"
        for run in runs[1:]
        for line in differences(first, run.config)
    )
    text = text.replace(" then, ", " in the first run, ").replace(" now</li>", " here</li>")
    differing = f'<p class="note">Other runs differ in this:</p><ul>{text}</ul>' if text else ""
    return f"<details><summary>Versions and processor</summary>{_table(['part', 'value'], rows)}{differing}</details>"


def _figures(group: Group) -> list[str]:
    parts = []
    for run in group.runs:
        if not run.figures:
            continue
        seed = run.seed
        shown = "".join(
            f'<figure><img class="paper" alt="{_text(path.stem)} of {_text(group.name)}, seed {_text(seed)}" '
            f'src="data:image/png;base64,{base64.b64encode(path.read_bytes()).decode()}">'
            f"<figcaption>{_text(path.stem)}</figcaption></figure>"
            for path in run.figures
        )
        opened = " open" if run is group.runs[0] else ""
        parts.append(
            f"<details{opened}><summary>Figures of {_text(group.name)}, seed {_text(seed)}</summary>{shown}</details>"
        )
    return parts


def _kinds(metrics: list[str]) -> dict[str, list[str]]:
    """Return the metrics by kind, such as ``loss`` for ``train_loss`` and ``test_loss``, without the time."""
    kinds: dict[str, list[str]] = {}
    for metric in metrics:
        if metric != "seconds":
            kinds.setdefault(metric.partition("_")[2] or metric, []).append(metric)
    return kinds


# Text


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]], numbers: tuple[int, int] = (0, 0), marked: Any = ()) -> str:
    """Return a table that scrolls by itself, with some columns aligned to the right and some rows marked."""
    numbers_from, numbers_to = numbers

    def cell(tag: str, text: str, column: int) -> str:
        right = numbers_from <= column < numbers_to
        scope, number = ' scope="col"' if tag == "th" else "", ' class="number"' if right else ""
        shown = _text(text)
        if tag == "th":  # a long name may be broken there
            shown = shown.replace("_", "_<wbr>")
        return f"<{tag}{scope}{number}>{shown}</{tag}>"

    def row(number: int, texts: Sequence[str]) -> str:
        differs = ' class="differs"' if number in marked else ""
        return f"<tr{differs}>{''.join(cell('td', text, i) for i, text in enumerate(texts))}</tr>"

    head = "".join(cell("th", text, i) for i, text in enumerate(heads))
    body = "".join(row(number, texts) for number, texts in enumerate(rows))
    return f'<div class="scroll" tabindex="0"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.4g}"


def _spread(values: list[float]) -> str:
    if not values:
        return ""
    mean, spread = float(np.mean(values)), float(np.std(values))
    if len(values) == 1 or not math.isfinite(mean):
        return _number(mean)
    if not 1e-3 <= abs(mean) < 1e5:
        return f"{mean:.4g} ± {spread:.2g}"
    power = math.floor(math.log10(abs(mean)))
    decimals = max(0, 3 - power if power > 0 else 2 - min(power, -1))  # places of mean and spread: 12.34, 1.234, 0.123, 0.0123
    return f"{mean:.{decimals}f} ± {spread:.{decimals}f}"


def _count_of(n: int, what: str) -> str:
    return f"{n} {what}{'s' * (n != 1)}"


def _text(text: Any) -> str:
    return html.escape(str(text))
