"""Resources narrowed to those that calls named: bucket and folder, table, function, queue, key, passed role.

Nothing is reached that was not before: every new pattern lies within an old one. Where that is not sure, or a call
did not say its resource, the old resources stay.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from pipeline.iam.globs import overlap, within
from pipeline.iam.policy import Statement

# More patterns than this make a policy that nobody reads, and soon one that AWS does not take. A call's resource is
# told by two, a container and what is in it; many more than fit need not be compared with each other.
MOST = 40
MANY = 5 * MOST


def narrowed(statement: Statement, touched: Collection[str] | None) -> tuple[str, ...] | None:
    """The resources of a statement that one action's calls touched, sorted; None where the old ones must stay."""
    old = statement.resources
    if statement.not_resource or not old or not touched:
        return None
    if len(touched) > MANY or any("${" in each for each in old):
        return None
    found: set[str] = set()
    for mine in old:
        for seen in touched:
            if overlap(mine, seen):
                both = fewer(mine, seen)
                if both is None:
                    return None
                found.add(both)
    kept = least(found)
    if not kept or len(kept) > MOST or set(kept) == set(old):
        return None
    return kept


def fewer(old: str, seen: str) -> str | None:
    """The part of an old pattern that takes in what was seen of it; always within `old`, None where it is not sure.

    Region and account stay as they were written: a call shows which table is needed, not that no other region is.
    """
    if within(old, seen):
        return old
    mine, its = old.split(":", 5), seen.split(":", 5)
    if len(mine) < 6:
        anywhere = ":".join([*its[:3], its[3] and "*", *its[4:]])
        return anywhere if within(anywhere, old) else None
    if len(its) < 6:
        return None
    if within(mine[5], its[5]):
        return old
    return ":".join([*mine[:5], its[5]]) if within(its[5], mine[5]) else None


def least(patterns: Iterable[str]) -> tuple[str, ...]:
    """Patterns without those that lie within another, sorted."""
    found = sorted(set(patterns))
    return tuple(each for each in found if not any(each != other and within(each, other) for other in found))
