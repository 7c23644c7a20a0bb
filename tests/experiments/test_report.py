"""python -m experiments report: a self-contained page about runs."""

import base64
import json
import re
from html.parser import HTMLParser

import numpy as np
import pytest

from experiments.__main__ import main
from experiments.harness import RunDirectory
from experiments.report import _spread
from experiments.results import find, grouped, read
from experiments.training import TrainingOptions

VOID = {"meta", "img", "source", "br", "wbr"}


class Page(HTMLParser):
    """Tags, attributes, text of cells; complains of what is not closed in order."""

    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.rows = [], [], []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs), list(self.open)))
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] in ("td", "th"):
            self.rows[-1][-1] += data

    def row(self, first):
        return next(row for row in self.rows if row[0] == first)


def make(tmp_path, name="study", values=(0.5, 0.7), **options):
    """Make a run directory with a test accuracy for each epoch and a figure."""
    import matplotlib.pyplot as plt

    directory = RunDirectory(TrainingOptions(out=tmp_path, epochs=len(values), **options), name)
    lines = [{"epoch": n, "train_loss": 1 / n, "test_accuracy": v, "seconds": 1.5 * n} for n, v in enumerate(values, 1)]
    directory.write("metrics.jsonl", "".join(json.dumps(line) + "\n" for line in lines).encode())
    _, ax = plt.subplots()
    ax.plot(np.arange(5))
    directory.save_figure("line", ax)
    return directory.path


def report(tmp_path, capsys, *places):
    out = tmp_path / "page" / "report.html"
    assert main(["report", *map(str, places), "--out", str(out)]) == 0
    assert capsys.readouterr().out.startswith(f"wrote {out}: ")
    text = out.read_text(encoding="utf-8")
    return text, Page(text)


def test_runs_that_differ_in_the_seed_are_one_line_with_mean_and_spread(tmp_path, capsys):
    make(tmp_path / "runs", seed=0, values=(0.5, 0.7))
    make(tmp_path / "runs", seed=1, values=(0.5, 0.9))
    make(tmp_path / "runs", seed=0, values=(0.5, 0.6), hidden=32)
    _, page = report(tmp_path, capsys, tmp_path / "runs")
    heads = page.row("configuration")
    found = dict(zip(heads, page.row("hidden=128"), strict=True))
    assert (found["seeds"], found["test_accuracy"], found["train_loss"]) == ("2", "0.800 ± 0.100", "0.500 ± 0.000")
    assert dict(zip(heads, page.row("hidden=32"), strict=True))["test_accuracy"] == "0.6"


def test_a_seed_counts_once_however_often_it_was_run(tmp_path, capsys):
    make(tmp_path / "runs", seed=0, values=(0.5, 0.7))
    again = make(tmp_path / "runs", seed=0, values=(0.5, 0.7))
    (again / "metrics.jsonl").write_text((again / "metrics.jsonl").read_text().splitlines()[0] + "\n")
    make(tmp_path / "runs", seed=1, values=(0.5, 0.9))
    _, page = report(tmp_path, capsys, tmp_path / "runs")
    found = dict(zip(page.row("configuration"), page.row("study"), strict=True))
    assert (found["seeds"], found["test_accuracy"]) == ("2", "0.800 ± 0.100")
    notes = {row[3]: row[-1] for row in page.rows if len(row) == 5 and row[0] == "study" and row[1] in "01"}
    assert notes.pop(again.name) == "not ended: 1 of 2 epochs; not counted: another run with this seed counts"
    assert list(notes.values()) == ["", ""]
    (group,) = grouped(map(read, find([tmp_path])))
    assert group.curve("test_accuracy")[3] == [2, 2]


def test_options_that_differ_are_marked(tmp_path, capsys):
    places = make(tmp_path, hidden=32), make(tmp_path, hidden=64)
    text, page = report(tmp_path, capsys, *places)
    assert page.row("hidden") == ["hidden", "32", "64"]
    assert re.findall(r'<tr class="differs"><td>(\w+)', text) == ["hidden"]


def test_the_page_needs_no_other_file_and_fits_a_phone(tmp_path, capsys):
    text, page = report(tmp_path, capsys, make(tmp_path, seed=0), make(tmp_path, seed=1))
    links = [value for _, attrs, _ in page.tags for key, value in attrs.items() if key in ("src", "srcset", "href")]
    assert len(links) >= 2 + 2 * 2  # figures of two runs; two curves for light and dark
    assert all(link.startswith(("data:image/png;base64,", "data:image/svg+xml;base64,")) for link in links)
    assert not re.search(r"<(script|link|iframe)|@import|url\(", text)
    assert ("meta", {"name": "viewport", "content": "width=device-width, initial-scale=1"}) in [t[:2] for t in page.tags]
    for tag, _, above in page.tags:
        assert tag != "table" or above[-1] == "div"
    assert text.count('<div class="scroll"') == sum(tag == "table" for tag, _, _ in page.tags)
    assert "overflow-x: auto" in text
    assert all(attrs["alt"] for tag, attrs, _ in page.tags if tag == "img")


def test_curves_are_drawn_for_light_and_for_dark_with_the_spread_of_the_seeds(tmp_path, capsys):
    one, _ = report(tmp_path, capsys, make(tmp_path, seed=0))
    two, page = report(tmp_path, capsys, make(tmp_path, seed=0), make(tmp_path, seed=1, values=(0.4, 0.9)))
    dark = [attrs for tag, attrs, above in page.tags if tag == "source" and above[-1] == "picture"]
    assert [attrs["media"] for attrs in dark] == ["(prefers-color-scheme: dark)"] * 2

    def drawn(text):
        found = re.findall(r"data:image/svg\+xml;base64,([\w+/=]+)", text)
        return [base64.b64decode(svg).decode() for svg in found]

    assert all("#e6e6e6" in svg for svg in drawn(two)[0::2])
    assert all("#1b1b1b" in svg and "#e6e6e6" not in svg for svg in drawn(two)[1::2])
    assert [svg.count("FillBetween") for svg in drawn(one)] == [0] * 4
    assert all(svg.count("FillBetween") for svg in drawn(two))


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ([0.5, 0.7], "0.600 ± 0.100"), ([12.0, 12.5], "12.25 ± 0.25"), ([1.0, 1.01], "1.005 ± 0.005"),
        ([900.0, 1100.0], "1000 ± 100"),
        ([0.012, 0.014], "0.0130 ± 0.0010"), ([2e-6, 4e-6], "3e-06 ± 1e-06"), ([0.0, 0.0], "0 ± 0"),
        ([3e7, 5e7], "4e+07 ± 1e+07"),
        ([float("nan"), 1.0], "nan"), ([0.25], "0.25"), ([], ""),
    ],
)  # fmt: skip
def test_mean_and_spread_have_as_many_places(values, text):
    assert _spread(values) == text


def test_a_legend_names_the_line_of_each_configuration(tmp_path, capsys):
    text, _ = report(tmp_path, capsys, make(tmp_path, hidden=8))
    assert 'class="legend"' not in text
    text, _ = report(tmp_path, capsys, *(make(tmp_path, hidden=hidden) for hidden in range(8, 16)))
    (legend,) = re.findall(r'<ul class="legend">(.*?)</ul>', text)
    lines = re.findall(r"<li><i style=\"border-top: 3px (\w+ light-dark\([^)]*\))\"></i>(hidden=\d+)</li>", legend)
    assert [name for _, name in lines] == [f"hidden={hidden}" for hidden in range(8, 16)]
    assert len({line for line, _ in lines}) == 8


def test_the_same_runs_make_the_same_page(tmp_path, capsys):
    place = make(tmp_path)
    assert report(tmp_path, capsys, place)[0] == report(tmp_path, capsys, place)[0]


def test_what_is_written_of_runs_cannot_become_html(tmp_path, capsys):
    text, _ = report(tmp_path, capsys, make(tmp_path / "<b>&co", name="study"))
    assert "<b>" not in text
    assert "&lt;b&gt;&amp;co" in text


def test_a_run_that_has_not_ended_says_so(tmp_path, capsys):
    place = make(tmp_path, values=(0.5, 0.6, 0.7))
    lines = (place / "metrics.jsonl").read_text().splitlines(keepends=True)
    (place / "metrics.jsonl").write_text("".join(lines[:2]) + lines[2][:20])
    _, page = report(tmp_path, capsys, place)
    notes = "line 3 of metrics.jsonl was cut off and is left out; not ended: 2 of 3 epochs"
    assert [row[-1] for row in page.rows if row[0] == "study"][-1] == notes


def test_a_run_without_metrics_has_its_figures(smoke, tmp_path, capsys):
    _, page = report(tmp_path, capsys, smoke("traces").directory)
    assert [attrs["alt"] for tag, attrs, _ in page.tags if tag == "img"] == ["traces of traces, seed 0"]


def test_curves_of_seeds_of_different_length_average_what_there_is(tmp_path):
    paths = make(tmp_path, seed=0, values=(0.2, 0.4)), make(tmp_path, seed=1, values=(0.4, 0.8))
    (paths[1] / "metrics.jsonl").write_text((paths[1] / "metrics.jsonl").read_text().splitlines()[0] + "\n")
    (group,) = grouped(map(read, find([tmp_path])))
    epochs, mean, spread, seeds = group.curve("test_accuracy")
    assert (epochs, seeds) == ([1, 2], [2, 1])
    np.testing.assert_allclose(mean, [0.3, 0.4])
    np.testing.assert_allclose(spread, [0.1, 0])


@pytest.mark.parametrize(
    ("args", "text"),
    [
        ([], "python -m experiments report: expected run directories, and perhaps --out FILE, got none."),
        (["--all"], "expected run directories, and perhaps --out FILE, got --all."),
        (["runs", "--out"], "expected a file after --out, got nothing."),
        (["{}/nowhere"], "expected a run directory, or one with runs in it, got nothing there."),
        (["{}"], "expected a run directory, or one with runs in it, got a directory without one."),
    ],
)
def test_what_is_no_run_is_refused(args, text, tmp_path, capsys):
    assert main(["report", *(arg.format(tmp_path) for arg in args)]) == 2
    assert text in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_metrics_that_cannot_be_read_are_an_error_with_the_line(tmp_path, capsys):
    place = make(tmp_path)
    (place / "metrics.jsonl").write_text('{"epoch": 1}\n["loss"]\n{"epoch": 3}\n')
    assert main(["report", str(place)]) == 2
    assert f"{place / 'metrics.jsonl'}, line 2: expected a JSON object of numbers with an epoch" in capsys.readouterr().err
