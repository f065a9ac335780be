"""A proposal as a folder: the new documents, every form of them, and the old ones to go back to.

`rollback/manifest.json` lists each old document with the SHA-256 of its file, so that a later reader can tell that
what is restored is what was in force.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from pipeline.access.rightsize.propose import Proposal
from pipeline.access.rightsize.render import FORMATS
from pipeline.access.rightsize.rewrite import ordered
from pipeline.access.rightsize.texts import label, pretty
from pipeline.errors import UsageError

_NAMES = {"policy": "proposal.json", "diff": "proposal.diff", "terraform": "policies.tf",
          "cloudformation": "template.json"}  # fmt: skip
_FITS = r"[^A-Za-z0-9_=,@-]"


def write(proposal: Proposal, folder: Path) -> list[Path]:
    """Writes the folder, which must be new or empty, and gives its files. Raises UsageError where it cannot be."""
    try:
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise UsageError(folder, "is there already and not an empty folder", "name a new one")
        (folder / "policies").mkdir(parents=True)
        (folder / "rollback").mkdir()
        return list(_files(proposal, folder))
    except OSError as error:
        raise UsageError(folder, f"cannot be written ({error.strerror})", "name a folder that can be") from None


def _files(proposal: Proposal, folder: Path) -> list[Path]:
    made = [_text(folder / name, FORMATS[form](proposal)) for form, name in _NAMES.items()]
    taken: set[str] = set()
    for each in proposal.policies:
        name = label(each["name"], taken, _FITS)
        made.append(_text(folder / "policies" / f"{name}.json", pretty(each["document"])))
    listed = []
    taken = set()
    for change in proposal.changes:
        holding = change.holding
        path = folder / "rollback" / f"{label(holding.name, taken, _FITS)}.json"
        made.append(_text(path, pretty(ordered(holding.attached.document))))
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        listed.append(
            {
                "file": path.name,
                "sha256": digest,
                "policy": holding.name,
                "kind": holding.kind,
                "arn": holding.arn,
                "group": holding.group,
                "change": change.kind,
            }
        )
    manifest = {"principal_arn": proposal.principal.arn, "snapshot": proposal.facts["snapshot"], "policies": listed}
    return [*made, _text(folder / "rollback" / "manifest.json", pretty(manifest))]


def _text(path: Path, text: str) -> Path:
    path.write_bytes(text.encode("utf-8", "replace"))
    return path
