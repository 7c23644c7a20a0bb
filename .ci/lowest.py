"""Print the lowest versions that pyproject.toml declares, as constraints for pip: ``python .ci/lowest.py EXTRA > FILE``."""

import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

PROJECT = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def bounds(requirements: list[str]) -> Iterator[str]:
    """Yield what is required at its lowest version, extras of the project itself included."""
    for requirement in requirements:
        if own := re.fullmatch(rf"{PROJECT['name']}\[(.+)\]", requirement):
            for extra in own[1].split(","):
                yield from bounds(PROJECT["optional-dependencies"][extra])
        elif lowest := re.match(r"([\w.-]+)>=([\w.]+)", requirement):
            yield f"{lowest[1]}=={lowest[2]}"
        else:
            sys.exit(f"{requirement}: expected NAME>=VERSION in pyproject.toml, to test it at its lowest version")


print("\n".join([*bounds(PROJECT["dependencies"]), *bounds(PROJECT["optional-dependencies"][sys.argv[1]])]))
