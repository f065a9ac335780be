"""Which accounts are one's own: what rules about sharing and trust tell from all others.

A rule names them by `%own_accounts%`, and an account that is none of them by `%foreign_accounts%`
(`pipeline.detect.sigma.values`). They are the accounts of the view `own_accounts` and those that the settings name
under `[names.accounts]`; a list `own_accounts` under `[placeholders]` stands in the place of both.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.detect.sigma.values import OWN, Placeholders
from pipeline.engines.duckdb import Engine
from pipeline.names import Names

if TYPE_CHECKING:
    from pipeline.config import Settings

_SQL = """
    select account_id from own_accounts
    union
    select named from (select unnest($named::varchar[]) as named) where regexp_full_match(named, '[0-9]{12}')
    order by account_id"""


def placeholders(engine: Engine, settings: Settings) -> Placeholders:
    """The placeholders of the settings, and the accounts that are one's own.

    The views must be there (`Catalog.install_views`). Raises UsageError for names that cannot be understood.
    """
    if OWN in settings.placeholders:
        return settings.placeholders
    named = Names.read(settings.names, settings.origin.get("names", "[names]")).accounts
    known = engine.query(_SQL, {"named": sorted(named)}, "own accounts")["account_id"].to_pylist()
    return {**settings.placeholders, OWN: tuple(known)}
