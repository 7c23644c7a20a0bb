"""One cache directory for the session, so that tests neither use nor change the user's."""

import os

import pytest


@pytest.fixture(autouse=True, scope="session")
def _own_cache(tmp_path_factory):
    before = os.environ.get("SPIKECELL_CACHE")
    os.environ["SPIKECELL_CACHE"] = str(tmp_path_factory.mktemp("cache"))
    yield
    if before is None:
        del os.environ["SPIKECELL_CACHE"]
    else:
        os.environ["SPIKECELL_CACHE"] = before
