"""What several tests share: a cluster of dask, of two processes."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Executor

import pytest


@pytest.fixture
def cluster() -> Iterator[Executor]:
    distributed = pytest.importorskip("distributed")
    options = {"n_workers": 2, "threads_per_worker": 1, "processes": True, "dashboard_address": None}
    with distributed.LocalCluster(**options) as local, distributed.Client(local) as client:
        yield client.get_executor()
