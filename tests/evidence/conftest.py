"""The project's questions and frameworks, loaded once."""

from __future__ import annotations

import pytest

from pipeline.catalog import Catalog
from pipeline.evidence import frameworks
from pipeline.evidence.frameworks import Framework


@pytest.fixture(scope="session")
def catalog() -> Catalog:
    return Catalog.load()


@pytest.fixture(scope="session")
def cis(catalog: Catalog) -> Framework:
    return frameworks.load(catalog)["cis_aws_foundations_5_0"]
