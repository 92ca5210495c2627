"""The tests of the rules run the rules: lines come from a cache that is empty when the session starts."""

from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def lines_of_this_session(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("lines")


@pytest.fixture(autouse=True)
def _own_cache(lines_of_this_session: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SYMLIMITS_CACHE_DIR", str(lines_of_this_session))
