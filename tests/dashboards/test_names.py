"""Names beside ids on the pages; what is exported keeps ids as they are."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from dashboards import data, naming

Open = Callable[..., AppTest]
ACCOUNT = "111122223333"


@pytest.fixture
def named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Settings with names; one of them is markup."""
    text = '[names.accounts]\n"111122223333" = "**prod** <b>x</b>"\n[names.networks]\n"203.0.113.0/24" = "office"\n'
    (tmp_path / "trailsift.toml").write_text(text)
    monkeypatch.setenv("TRAILSIFT_CONFIG", str(tmp_path / "trailsift.toml"))


@pytest.mark.usefixtures("named")
def test_ids_have_names_and_exports_have_ids(
    sample_lake: Path, open_page: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    exported: list[pd.DataFrame] = []
    monkeypatch.setattr("dashboards.parts.download", lambda shown, *_: exported.append(shown))
    at = open_page(sample_lake, "anomalies")
    shown = next(each.value for each in at.dataframe if "account" in each.value)
    assert f"{ACCOUNT} (**prod** <b>x</b>)" in set(shown["account"])
    kept = [each for each in exported if "account" in each]
    assert kept and all(set(each["account"].dropna()) <= {ACCOUNT, "444455556666"} for each in kept)


@pytest.mark.usefixtures("named")
def test_names_are_texts_and_never_markup(sample_lake: Path, open_page: Open) -> None:
    at = open_page(sample_lake, "overview")
    assert any(f"{ACCOUNT} (**prod** <b>x</b>)" in each.value for each in at.text)
    said: list[Any] = [*at.markdown, *at.caption]
    assert not any("**prod**" in each.value for each in said)


def test_without_names_rows_are_the_same_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    rows = pd.DataFrame({"account": [ACCOUNT, None], "count": [1, 2]})
    assert naming.named(rows) is rows
    assert data.exported(rows, "csv").startswith(b"account,count")
