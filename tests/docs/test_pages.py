"""The pages as files: links, lists of pages, and numbers that two pages repeat. conftest.py runs their listings."""

import re
import runpy
from pathlib import Path

import pytest

import snn

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = sorted(DOCS.rglob("*.md"))
PAGES = [page for page in PAGES if "_build" not in page.parts]
LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")
CODE = re.compile(r"^(?P<fence>```+).*?^(?P=fence)", re.MULTILINE | re.DOTALL)
KERNEL = "---\nfile_format: mystnb\nkernelspec:\n  name: python3\n  display_name: Python 3\n---\n"


def read(path):
    return path.read_text(encoding="utf-8")


def anchors(page):
    """Return the anchors of a page's headings, as GitHub and the site make them."""
    headings = re.findall(r"^#+ (.+)$", CODE.sub("", read(page)), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def broken(page):
    """Return the links of a page that lead to no file, or to no heading in it."""
    found = []
    for link in LINK.findall(CODE.sub("", read(page))):
        if link.startswith(("http://", "https://", "mailto:")):
            continue
        name, _, anchor = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        if not target.exists() or (anchor and target.suffix == ".md" and anchor not in anchors(target)):
            found.append(link)
    return found


def test_links_lead_somewhere():
    pages = [*(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "tests/README.md")), *PAGES]
    assert len(pages) > 60
    assert {str(page.relative_to(ROOT)): broken(page) for page in pages if broken(page)} == {}


def test_a_link_that_leads_nowhere_is_found(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("# One page\n[a](gone.md) [b](page.md#one-page) [c](page.md#two) [d](#one-page)\n```\n[e](f)\n```\n")
    assert broken(page) == ["gone.md", "page.md#two"]


def test_the_readme_fits_its_length():
    assert len(read(ROOT / "README.md").splitlines()) <= 150


def test_times_of_the_readme_are_those_of_the_benchmarks():
    def times(path):
        table = read(path).partition("| work | ours")[2].partition("\n\n")[0].splitlines()[2:]
        cells = [cell for line in table for cell in line.strip("|").split("|")[1:4]]
        return sorted(float(number.replace(",", "")) for cell in cells for number in re.findall(r"[\d,.]*\d", cell))

    ours, all_of_them = times(ROOT / "README.md"), times(DOCS / "benchmarks.md")
    ours = [time for time in ours if time > 1]  # ratios of the eager mode are said in words there
    assert len(ours) > 25
    assert [time for time in ours if time not in all_of_them] == []


@pytest.mark.parametrize("folder", ["tutorials", "howto", "concepts", "coming"])
def test_each_page_of_a_folder_is_in_its_list(folder):
    names = {page.name for page in (DOCS / folder).glob("*.md")} - {"index.md"}
    linked = {link.partition("#")[0] for link in LINK.findall(read(DOCS / folder / "index.md"))}
    assert len(names) >= 4
    assert names <= linked


def test_tutorials_run_and_can_be_downloaded():
    tutorials = [page for page in (DOCS / "tutorials").glob("*.md") if page.name != "index.md"]
    for page in [*tutorials, DOCS / "start.md"]:
        assert read(page).startswith(KERNEL), page.name
        assert f"{{nb-download}}`notebook <{page.stem}.ipynb>`" in read(page), page.name
        assert read(page).count("```{code-cell} python\n") >= 3, page.name


def test_a_notebook_stands_alone():
    alone = runpy.run_path(str(DOCS / "extensions" / "notebooks.py"))["alone"]
    for page in (DOCS / "tutorials").glob("*.md"):
        assert "nb-download" not in alone(read(page)), page
        assert ".md)" not in alone(read(page)), page
        assert "<!--" not in alone(read(page)), page
    text = "# A page\n\nIt does this. Download it as a\n{nb-download}`notebook <a.ipynb>`. It says [that](../b.md#c)."
    text += "\n\n<!--- x -->\nEnd. [Site](https://d.org)"
    assert alone(text) == "# A page\n\nIt does this. It says that.\n\nEnd. [Site](https://d.org)"


def test_cells_run_only_where_there_is_a_kernel():
    for page in PAGES:
        assert ("{code-cell}" in read(page)) == read(page).startswith(KERNEL), page


def test_listings_end_with_their_last_line():
    pages = [ROOT / "README.md", *PAGES]
    assert [str(page.relative_to(ROOT)) for page in pages if re.search(r"\n\n```$", read(page), re.MULTILINE)] == []


def test_every_neuron_is_on_its_page():
    page = read(DOCS / "neurons.md")
    neurons = [name for name in vars(snn)["__all__"] if name.endswith(("Node", "PSN", "Readout"))]
    assert len(neurons) > 15
    assert [name for name in neurons if f"`{name}`" not in page and f"snn.{name}(" not in page] == []


def test_commands_that_a_page_only_shows_are_run_on_another_one():
    def commands(language):
        blocks = [re.findall(rf"^```{language}\n(.*?)^```", read(page), re.MULTILINE | re.DOTALL) for page in PAGES]
        return [line for page in blocks for block in page for line in block.splitlines() if "-m experiments" in line]

    shown = commands("shell")
    assert shown
    assert set(shown) <= set(commands("sh"))
