"""A settings file that says what nobody reads is told: a misspelt sink or threshold would be missed too late."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline import config
from pipeline.errors import UsageError


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("jbos = 2", "there is no setting 'jbos'; did you mean jobs?"),
        ("[geo]\ncuontry = 'x'", "there is no setting 'geo_cuontry'; did you mean geo_country?"),
        ('[[sink]]\nname = "a"', "there is no setting 'sink'; did you mean sinks?"),
        ('[owners]\n"arn:*" = "us"', "there is no setting 'owners_arn:*'; choose from anomalies_budget, …"),
        ('[anomalies]\nthreshold = "many"', "anomalies_threshold is 'many', no whole number above 0; write one"),
    ],
)
def test_what_a_file_has_that_is_no_setting_is_told(text: str, told: str, tmp_path: Path) -> None:
    path = tmp_path / "trailsift.toml"
    path.write_text(text)
    with pytest.raises(UsageError) as raised:
        config.load({"config": str(path)})
    assert str(raised.value).startswith(f"{path}: {told.removesuffix('…')}")


def test_sections_and_users_own_words_are_settings(tmp_path: Path) -> None:
    text = '[catalog]\ntype = "glue"\n[placeholders]\nmine = ["a"]\n[names.owners]\n"arn:*" = "us"\n'
    (tmp_path / "trailsift.toml").write_text(f'lake = "x"\n{text}')
    found = config.load(start=tmp_path)
    assert (found.lake, found.catalog_type, found.placeholders) == ("x", "glue", {"mine": ("a",)})
