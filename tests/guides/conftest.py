"""A reader for each module of tests, that is for each guide."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.guides.reader import Reader


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reader]:
    reader = Reader(tmp_path_factory.mktemp("reader"))
    yield reader
    reader.close()
