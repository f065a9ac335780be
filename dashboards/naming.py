"""What people call ids, by the settings, beside the ids that pages show; exports keep ids as they are."""

from __future__ import annotations

from typing import Any

import pandas as pd

from dashboards import data
from pipeline.names import Names


def named(shown: pd.DataFrame) -> pd.DataFrame:
    """The rows with names beside their ids."""
    known = data.names()
    if known == Names():
        return shown

    def beside(name: str) -> list[Any]:
        return [known.beside(name, each, shown.columns) if isinstance(each, str) else each for each in shown[name]]

    return shown.assign(**{name: beside(name) for name in shown.columns if texts(shown[name])})


def texts(values: pd.Series[Any]) -> bool:
    """Whether a column may hold texts."""
    return bool(pd.api.types.is_string_dtype(values.dtype) or values.dtype == object)


def told(text: object) -> str:
    """One line of text with names behind its ids, without characters that could hide or reorder what stands there."""
    return data.plain(data.names().told(str(text)))
