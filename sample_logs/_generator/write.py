"""Writes the committed sample: objects, snapshot, right-sized policies, `planted.json`, the README's section."""

from __future__ import annotations

import gzip
import json
import re
from pathlib import Path
from typing import Any

from . import deliver, planted_access, snapshot
from .sample import DAYS, FIRST, Sample, make
from .stories_incident import LEAKED, NEW_KEY
from .usage import last_used
from .world import DEV, PROD, REGIONS

LOGS = "cloudtrail"
SHOWN = 6  # event ids a story shows in the README
BEGIN, END = "<!-- planted: written by generate.py -->", "<!-- end of planted -->"


def write(folder: Path) -> list[str]:
    """Make `folder` hold the sample and nothing stale; returns the paths that changed, relative to it."""
    sample = make()
    content = files(sample)
    readme = (folder / "README.md").read_text("utf-8")
    content["README.md"] = with_section(readme, section(sample)).encode()
    changed = [name for name, body in sorted(content.items()) if put(folder / name, body)]
    for top in (LOGS, "iam"):
        for path in sorted((folder / top).rglob("*")):
            name = path.relative_to(folder).as_posix()
            if path.is_file() and name not in content:
                path.unlink()
                changed.append(name)
    return changed


def files(sample: Sample) -> dict[str, bytes]:
    """Every file but the README, by path."""
    made = {f"{LOGS}/{key}": deliver.body(texts) for key, texts in sample.objects.items()}
    made = {name: deliver.gzipped(body, 9) for name, body in made.items()}
    for name, text in snapshot.files(last_used(sample.events)).items():
        made[f"iam/{name}"] = text.encode()
    for each in planted_access.over_permissioned():
        made[f"iam/rightsized/{each.name}.json"] = snapshot.pretty(each.rightsized()).encode()
    made["planted.json"] = (json.dumps(facts(sample), indent=2, ensure_ascii=False) + "\n").encode()
    return made


def put(path: Path, body: bytes) -> bool:
    """Write the file if its content differs; an object that another zlib packed otherwise counts as the same."""
    if path.exists():
        old = path.read_bytes()
        if old == body or (path.suffix == ".gz" and gzip.decompress(old) == gzip.decompress(body)):
            return False
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(body)
    return True


def facts(sample: Sample) -> dict[str, Any]:
    """`planted.json`: what is in the sample, for tests to assert."""
    access = {
        "over_permissioned": planted_access.over_permissioned(),
        "unused_principals": planted_access.unused_principals(),
        "clean": planted_access.clean(),
    }
    return {
        "accounts": [PROD, DEV],
        "regions": list(REGIONS),
        "first_day": f"{FIRST:%Y-%m-%d}",
        "days": DAYS,
        "events": len(sample.events),
        "records": sum(map(len, sample.objects.values())),
        "objects": len(sample.objects),
        "first_event": sample.events[0].when.isoformat(),
        "last_event": sample.events[-1].when.isoformat(),
        "snapshot_taken": snapshot.TAKEN,
        "leaked_key": LEAKED,
        "new_key": NEW_KEY,
        "stranger_networks": ["192.0.2.0/24"],
        **sample.planted,
        **{name: [each.as_json() for each in rows] for name, rows in access.items()},
        "credentials": [{"arn": arn, "what": what} for arn, what in planted_access.CREDENTIALS],
    }


def with_section(readme: str, text: str) -> str:
    """The README with its generated section replaced."""
    pattern = re.compile(re.escape(BEGIN) + ".*" + re.escape(END), re.DOTALL)
    assert pattern.search(readme), f"README.md: has no section {BEGIN}; put both markers back"
    return pattern.sub(lambda _: f"{BEGIN}\n{text}\n{END}", readme)


def section(sample: Sample) -> str:
    """What is planted, with event ids, as Markdown."""
    known = facts(sample)
    lines = [
        f"{known['events']:,} events ({known['records']:,} records with those delivered twice) in {known['objects']} "
        f"objects, {known['first_event'][:16]} to {known['last_event'][:16]} UTC.",
    ]
    titles = {
        "incident": "The incident",
        "hard_negative": "Harmless, though it looks bad",
        "sign_in": "Sign-ins",
        "chain": "Role chains across the accounts",
    }
    for kind, title in titles.items():
        lines += ["", f"### {title}", ""]
        lines += [story_line(row) for row in known[kind]]
    lines += ["", "### Delivery", ""]
    lines.append(f"- **delivered a day late**: {events_of(known['late_deliveries'])}")
    lines.append(f"- **delivered twice**: {events_of(known['delivered_twice'])}")
    pairs = "; ".join(f"`{a}` = `{b}`" for a, b in known["twins"])
    lines.append(f"- **one call in two logs** (dev = prod, one sharedEventID): {pairs}")
    for name, title in (
        ("over_permissioned", "Over-permissioned"),
        ("unused_principals", "Unused"),
        ("clean", "Nothing to report"),
    ):
        lines += ["", f"### {title}", ""]
        lines += [access_line(row) for row in known[name]]
    lines += ["", "### Credentials", ""]
    lines += [f"- `{row['arn']}`: {row['what']}" for row in known["credentials"]]
    return "\n".join(lines)


def story_line(row: dict[str, Any]) -> str:
    """A story as a list item."""
    return f"- **{row['name']}**: {row['text']} {events_of(row['event_ids'])}"


def events_of(ids: list[str]) -> str:
    """Event ids for people: all of a few, else the first ones, the last, and how many; `planted.json` has every one."""
    if len(ids) <= SHOWN:
        return ticked(ids)
    return f"{ticked(ids[: SHOWN - 1])} … {ticked(ids[-1:])} ({len(ids)} events)"


def access_line(row: dict[str, Any]) -> str:
    """A principal as a list item."""
    parts = [f"- **{row['name']}** (`{row['principal_arn']}`): {row['what']}. Remedy: {row['remedy']}."]
    for name in planted_access.LISTS:
        if row[name]:
            parts.append(f"  {name}: {ticked(row[name])}.")
    if row["rightsized"]:
        options = f"with `{row['by']}`" if row["by"] else "as it stands"
        parts.append(f"  Right policy: [{row['rightsized']}]({row['rightsized']}); `trailsift rightsize` {options}.")
    return "\n".join(parts)


def ticked(texts: list[str]) -> str:
    """Code spans."""
    return ", ".join(f"`{each}`" for each in texts)
