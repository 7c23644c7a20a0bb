"""One cache directory for the session, so that tests neither use nor change the user's; $SPIKECELL_CACHE names one to keep."""

import os

import pytest


@pytest.fixture(autouse=True, scope="session")
def _own_cache(tmp_path_factory):
    if "SPIKECELL_CACHE" in os.environ:
        yield
        return
    os.environ["SPIKECELL_CACHE"] = str(tmp_path_factory.mktemp("cache"))
    yield
    del os.environ["SPIKECELL_CACHE"]
