"""The parts of a release: its version in all places, its citation, the issue forms, the linters of pre-commit."""

import re
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
FORMS = sorted((ROOT / ".github" / "ISSUE_TEMPLATE").glob("*.yml"))

# The keys of the schema of the Citation File Format 1.2.0, and those of a person and of an entity in its list of authors.
REQUIRED = {"authors", "cff-version", "message", "title"}
ALLOWED = REQUIRED | {
    "abstract", "commit", "contact", "date-released", "doi", "identifiers", "keywords", "license", "license-url",
    "preferred-citation", "references", "repository", "repository-artifact", "repository-code", "type", "url", "version",
}  # fmt: skip
PERSON = {"affiliation", "alias", "email", "family-names", "given-names", "name-particle", "name-suffix", "orcid", "website"}
ENTITY = {"name", "alias", "email", "orcid", "website"}


def read(path):
    return (ROOT / path).read_text(encoding="utf-8")


def faults(citation):
    """Return what the schema refuses in a citation file."""
    found = [f"missing: {key}" for key in sorted(REQUIRED - set(citation))]
    found += [f"unknown: {key}" for key in sorted(set(citation) - ALLOWED)]
    if citation.get("cff-version") != "1.2.0":
        found.append("cff-version")
    if citation.get("type", "software") not in ("software", "dataset"):
        found.append("type")
    for author in citation.get("authors") or [{}]:
        if not author or not (set(author) <= PERSON or (set(author) <= ENTITY and "name" in author)):
            found.append(f"author: {author}")
    texts = ("title", "message", "version", "license", "abstract")
    found += [f"no text: {key}" for key in texts if not isinstance(citation.get(key, "text"), str)]
    if not all(isinstance(word, str) for word in citation.get("keywords", [])):
        found.append("keywords")
    return found


def test_the_citation_is_valid():
    citation = yaml.safe_load(read("CITATION.cff"))
    assert faults(citation) == []
    assert (citation["version"], citation["license"]) == (PROJECT["version"], PROJECT["license"])


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"message": None}, "no text: message"), ({"author": "us"}, "unknown: author"), ({"authors": []}, "author: {}"),
        ({"authors": [{"names": "x"}]}, "author: {'names': 'x'}"), ({"version": 0.2}, "no text: version"),
        ({"type": "library"}, "type"), ({"cff-version": 1.2}, "cff-version"),
    ],
)  # fmt: skip
def test_a_faulty_citation_is_found(change, fault):
    assert fault in faults(yaml.safe_load(read("CITATION.cff")) | change)


def test_the_changelog_has_this_version_with_numerical_changes_apart():
    sections = re.split(r"^## ", read("CHANGELOG.md"), flags=re.MULTILINE)[1:]
    titles = [section.splitlines()[0] for section in sections]
    assert titles[0] in ("Unreleased", PROJECT["version"])
    newest = sections[titles.index(PROJECT["version"])]
    parts = re.findall(r"^### (.+)$", newest, re.MULTILINE)
    assert parts == ["Added", "Changed", "Fixed", "Numerical changes"]


@pytest.mark.parametrize("path", [path for path in FORMS if path.name != "config.yml"], ids=lambda path: path.stem)
def test_a_form_for_issues_is_one_that_github_takes(path):
    form = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert {"name", "description", "body"} <= set(form) <= {"name", "description", "title", "labels", "body"}
    assert all(isinstance(label, str) for label in form["labels"])
    fields = [field["id"] for field in form["body"]]
    assert len(set(fields)) == len(fields) >= 2
    assert all(field["type"] == "textarea" and field["attributes"]["label"] for field in form["body"])
    assert any(field.get("validations", {}).get("required") for field in form["body"])


def test_there_are_forms_for_bugs_features_and_questions():
    assert [path.stem for path in FORMS] == ["bug", "config", "feature", "question"]


def test_pre_commit_runs_the_linters_of_the_extra():
    hooks = [hook for repo in yaml.safe_load(read(".pre-commit-config.yaml"))["repos"] for hook in repo["hooks"]]
    needed = [requirement for hook in hooks for requirement in hook["additional_dependencies"]]
    declared = [*PROJECT["dependencies"], *(r for extra in PROJECT["optional-dependencies"].values() for r in extra)]
    assert set(PROJECT["optional-dependencies"]["lint"]) <= set(needed) <= set(declared)
    lint = read("Makefile").partition("\nlint:")[2].partition("\n\n")[0]
    commands = [line.strip().removeprefix("$(BIN)/") for line in lint.splitlines()[1:]]
    entries = [hook["entry"].replace(" --force-exclude", "") for hook in hooks]
    assert sorted(entries) == sorted(commands)


def test_contributing_fits_a_page():
    assert len(read("CONTRIBUTING.md").split()) <= 500
