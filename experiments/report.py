"""``python -m experiments report DIR...``: one HTML page about runs, with all figures in it, that needs nothing else.

Runs that differ in the seed alone are one line of a table and one curve, with their spread. The page follows the reader's
choice of light or dark, and wide tables scroll on a narrow screen.
"""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from autograd.errors import ArgumentError
from snn.common.files import make_directory, write_whole
from snn.plot.panels import DARK, LIGHT

from .manifest import differences
from .results import Group, Run, find, grouped, read

__all__ = ["main", "page"]

_STYLE = """
:root { color-scheme: light dark; --line: light-dark(#d4d4d4, #444); --soft: light-dark(#f4f4f4, #222);
  --mark: light-dark(#fff0c2, #4a3c00); }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 0 auto; padding: 1rem;
  color: light-dark(#1b1b1b, #e6e6e6); background: light-dark(#fff, #141414); }
h1, h2, h3 { line-height: 1.2; overflow-wrap: anywhere; }
.scroll { overflow-x: auto; margin: 1rem 0; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: .3rem .7rem; text-align: left; border-bottom: 1px solid var(--line); white-space: nowrap; }
td.number, th.number { text-align: right; }
tr.differs td, tr.differs th { background: var(--mark); }
th { background: var(--soft); }
img { max-width: 100%; height: auto; }
figure { margin: 1rem 0; }
figure img.paper { background: #fff; border-radius: 4px; }
figcaption, .note { font-size: .9rem; }
code { overflow-wrap: anywhere; }
"""

_USAGE = """\
usage: python -m experiments report DIR... [--out FILE]

Write one HTML page about runs, with figures and comparisons. DIR is a run directory, or one with runs somewhere below; FILE is
report.html in the current directory unless given.
"""


def main(args: Sequence[str]) -> int:
    """Write the page of the runs that are named, ``DIR... [--out FILE]``; return the exit status.

    Without ``--out`` it is ``report.html`` in the current directory.

    Raises
    ------
    ArgumentError
        If a directory is no run, or an argument is none of these.
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
            raise ArgumentError("python -m experiments report", "a file after --out", "nothing", "Such as --out report.html.")
        out = Path(places[at + 1])
        del places[at : at + 2]
    if not places or any(place.startswith("-") for place in places):
        raise ArgumentError(
            "python -m experiments report", "run directories, and perhaps --out FILE", " ".join(args) or "none",
            "Such as: report runs/digits --out report.html.",
        )  # fmt: skip
    runs = [read(path) for path in find(map(Path, places))]
    make_directory(out.parent)
    write_whole(out, page(runs).encode(), "What was there stays. Choose another place with --out.")
    print(f"wrote {out}: {len(runs)} runs")
    return 0


def page(runs: Sequence[Run]) -> str:
    """Return the HTML page about some runs."""
    groups = grouped(runs)
    experiments = list(dict.fromkeys(group.experiment for group in groups))
    title = f"Report: {', '.join(experiments)}"
    body = [f"<h1>{_text(title)}</h1>", f"<p>{len(runs)} runs of {len(groups)} configurations.</p>"]
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
        curves = _kinds(metrics)
        if curves:
            parts.append("<h3>Curves</h3>")
            parts += [_curves(groups, kind, members) for kind, members in curves.items()]
    parts += ["<h3>Runs</h3>", _runs(groups, metrics), "<h3>Options</h3>", _options(groups), _surroundings(groups)]
    for group in groups:
        parts += _figures(group)
    return parts


def _results(groups: list[Group], metrics: list[str]) -> str:
    rows = []
    for group in groups:
        found = [group.last(metric) for metric in metrics]
        rows.append([group.name, str(len(group.counted)), *(_spread(values) for values in found)])
    return _table(["configuration", "seeds", *metrics], rows, (1, 2 + len(metrics)))


def _runs(groups: list[Group], metrics: list[str]) -> str:
    shown = [metric for metric in metrics if metric.startswith("test_")] or metrics
    rows = []
    for group in groups:
        for run in group.runs:
            last = run.history[-1] if run.history else {}
            again = [] if run in group.counted else ["not counted: another run of this seed is"]
            seed, notes = str(run.seed), "; ".join([*run.notes, *again])
            rows.append([group.name, seed, *(_number(last.get(metric)) for metric in shown), str(run.path), notes])
    return _table(["configuration", "seed", *shown, "directory", "notes"], rows, (1, 2 + len(shown)))


def _options(groups: list[Group]) -> str:
    names = list(dict.fromkeys(name for group in groups for name in group.options))
    rows: list[list[str]] = []
    marked = set()
    for name in names:
        values = [str(group.options.get(name, "")) for group in groups]
        if len(set(values)) > 1:
            marked.add(len(rows))
        rows.append([name, *values])
    heads = ["option", *(group.name for group in groups)]
    return _table(heads, rows, marked=marked)


def _surroundings(groups: list[Group]) -> str:
    """Return with what the runs were made, and in what the others differ from the first."""
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


# Curves


def _kinds(metrics: list[str]) -> dict[str, list[str]]:
    """Return the metrics by kind, as ``loss`` of ``train_loss`` and ``test_loss``, without the time."""
    kinds: dict[str, list[str]] = {}
    for metric in metrics:
        if metric != "seconds":
            kinds.setdefault(metric.partition("_")[2] or metric, []).append(metric)
    return kinds


def _curves(groups: list[Group], kind: str, metrics: list[str]) -> str:
    """Return a figure of one kind of metric over the epochs, drawn for light and for dark."""
    light, dark = (_drawn(groups, kind, metrics, look.ink, look.colours) for look in (LIGHT, DARK))
    what = f"{kind} over the epochs: mean of the seeds, shaded by one standard deviation"
    return (
        f'<figure><picture><source media="(prefers-color-scheme: dark)" srcset="{dark}">'
        f'<img alt="{_text(what)}" src="{light}"></picture><figcaption>{_text(what)}.</figcaption></figure>'
    )


def _drawn(groups: list[Group], kind: str, metrics: list[str], ink: str, colours: Sequence[str]) -> str:
    """Return curves as an SVG in a data URI: a colour for each configuration, a dash for each split."""
    import matplotlib as mpl
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    rc: Any = {
        "text.color": ink, "axes.edgecolor": ink, "axes.labelcolor": ink, "xtick.color": ink, "ytick.color": ink,
        "svg.hashsalt": "spikecell", "axes.spines.top": False, "axes.spines.right": False, "font.size": 9,
    }  # fmt: skip
    with mpl.rc_context(rc):
        figure = Figure(figsize=(6.4, 3.4), layout="constrained")
        FigureCanvasSVG(figure)
        ax = figure.add_subplot()
        ax.set_facecolor("none")
        for i, group in enumerate(groups):
            for metric in metrics:
                epochs, mean, spread, seeds = group.curve(metric)
                split = metric.removesuffix(kind).rstrip("_")
                label = ", ".join(filter(None, [group.name if len(groups) > 1 else "", split])) or kind
                colour = colours[(i if len(groups) > 1 else metrics.index(metric)) % len(colours)]
                dash = "-" if split in ("test", "") else "--" if split == "train" else ":"
                ax.plot(epochs, mean, dash, color=colour, lw=1.5, label=label, marker="o" if len(epochs) == 1 else None)
                if max(seeds, default=0) > 1:
                    low, high = np.subtract(mean, spread), np.add(mean, spread)
                    ax.fill_between(epochs, low, high, color=colour, alpha=0.2, lw=0)
        ax.set(xlabel="Epoch", ylabel=kind.capitalize())
        ax.xaxis.set_major_locator(MaxNLocator(integer=True))
        ax.legend(frameon=False, fontsize=8)
        file = io.BytesIO()
        figure.savefig(file, format="svg", transparent=True, metadata={"Date": None})
    return f"data:image/svg+xml;base64,{base64.b64encode(file.getvalue()).decode()}"


# Text


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]], numbers: tuple[int, int] = (0, 0), marked: Any = ()) -> str:
    """Return a table that scrolls by itself, some columns set to the right, some rows marked."""
    numbers_from, numbers_to = numbers

    def cell(tag: str, text: str, column: int) -> str:
        right = numbers_from <= column < numbers_to
        scope, number = ' scope="col"' if tag == "th" else "", ' class="number"' if right else ""
        return f"<{tag}{scope}{number}>{_text(text)}</{tag}>"

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
    mean = _number(float(np.mean(values)))
    return mean if len(values) == 1 else f"{mean} ± {float(np.std(values)):.2g}"


def _text(text: Any) -> str:
    return html.escape(str(text))
