"""IAM as it is now, asked of AWS: every family of every account, into the lake as one snapshot of one time.

What AWS answers lies in a work folder as it comes in, and the snapshot is an import of these files; so a run that was
stopped goes on, and the same files import to the same items anywhere. Permissions that are lacking cost their family
and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from threading import Event, Lock
from typing import TYPE_CHECKING

from pipeline.access.collect import families
from pipeline.access.collect.accounts import Caller, Plan, caller, chosen, masters, reached
from pipeline.access.collect.asking import Asker, Refused, Stopped
from pipeline.access.collect.families import Family, gathered
from pipeline.access.collect.folder import FamilyFile, Folder, held
from pipeline.access.collect.jobs import last_accessed
from pipeline.access.snapshots import Imported, import_files
from pipeline.errors import UsageError

if TYPE_CHECKING:
    from pipeline.lake.tables import Lake

__all__ = ["Collection", "Plan", "Stopped", "Tally", "collect"]

ACCOUNTS_AT_ONCE = 4


@dataclass
class Tally:
    """How far a run is: families and principals (of last-accessed data) that are through, of how many known so far."""

    accounts: int = 0
    families: int = 0
    families_done: int = 0
    principals: int = 0
    principals_done: int = 0
    throttled: int = 0


@dataclass
class Collection:
    """What a run brought in; `lacking` has a line for each family that is not whole for want of a permission."""

    imported: Imported
    lacking: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def collect(
    lake: Lake, plan: Plan, report: Callable[[Tally], None] | None = None, stop: Event | None = None
) -> Collection:
    """Asks AWS for what `plan` says and stores it as one snapshot, taken when the run began.

    Raises UsageError and SourceError as one line, Stopped where `stop` is set; the same call then goes on.
    """
    plan.check()
    root = plan.folder or _beside(lake)
    with held(root, plan.fresh, datetime.now(UTC)) as folder:
        run = _Run(plan, folder, stop or Event(), report or (lambda tally: None))
        files = run.go()
        imported = import_files(lake, [file.path for file in files], folder.begun)
        folder.finish(keep=plan.folder is not None)
    return Collection(imported, run.lacking, run.notes)


def _beside(lake: Lake) -> Path:
    if "://" in lake.location:
        raise UsageError("-d", f"{lake.location} is no place for unfinished work", "name a folder for it by -d")
    return lake.path / "collect"


class _Run:
    """One run over all accounts."""

    def __init__(self, plan: Plan, folder: Folder, stop: Event, report: Callable[[Tally], None]) -> None:
        self.plan, self.folder, self.stop, self.report = plan, folder, stop, report
        self.lacking: list[str] = []
        self.notes: list[str] = []
        self.tally = Tally()
        self.askers: set[Asker] = set()
        self.principals: dict[str, tuple[int, int]] = {}
        self.lock = Lock()

    def go(self) -> list[FamilyFile]:
        """Asks; gives the files of all families."""
        own = caller(self.plan, self.stop)
        self.tally.families = 1
        tree = self._family(own.account, "organization", own.asker, families.organization)
        accounts = chosen(self.plan, own, tree)
        self.tally.accounts = len(accounts)
        self.tally.families += len(accounts) * len(self._asked())
        files = [tree]
        with ThreadPoolExecutor(ACCOUNTS_AT_ONCE) as pool:
            futures = [pool.submit(self._account, own, account, tree) for account in accounts]
            try:
                for future in futures:
                    files += future.result()
            except BaseException:
                self.stop.set()  # the others finish the call they are at, and what is there stays
                pool.shutdown(wait=True, cancel_futures=True)
                raise
        return [each for each in files if each.path.exists()]

    def _asked(self) -> dict[str, Callable[[Family], None]]:
        """The families of every account."""
        made: dict[str, Callable[[Family], None]] = {
            "details": families.details,
            "credentials": families.credentials,
            "settings": families.settings,
            "mfa": families.mfa,
            "trails": lambda family: families.trails(family, self.plan.regions),
        }
        if self.plan.last_accessed:
            made["last_accessed"] = lambda family: last_accessed(family, lambda *of: self._told(family, *of))
        return made

    def _account(self, own: Caller, account: str, tree: FamilyFile) -> list[FamilyFile]:
        """Every family of one account, one after the other."""
        try:
            asker = reached(self.plan, own, account, self.stop)
        except Refused as error:
            return self._shut(account, error)
        files = [self._family(account, name, asker, ask) for name, ask in self._asked().items()]
        if account != own.account and tree.state != "complete" and account in masters(tree):
            files.append(self._family(account, "organization", asker, families.organization))
            tree.drop()
        return files

    def _shut(self, account: str, error: Refused) -> list[FamilyFile]:
        """An account that cannot be entered: none of its families is known."""
        files = []
        for name in self._asked():
            file = self.folder.family(account, name, self._depends(name))
            if file.state is None:
                file.end("refused", str(error))
            files.append(file)
        with self.lock:
            self.lacking.append(f"{account}: cannot be entered ({error}); see to the role and its trust policy")
            self.tally.families_done += len(files)
        return files

    def _depends(self, name: str) -> dict[str, list[str]]:
        """What else the answers of a family depend on."""
        return {"regions": list(self.plan.regions)} if name == "trails" else {}

    def _family(self, account: str, name: str, asker: Asker, ask: Callable[[Family], None]) -> FamilyFile:
        """One family, from an earlier run where it is there."""
        file = self.folder.family(account, name, self._depends(name))
        family = Family(asker, file)
        if file.state is None:
            gathered(family, ask)
        with self.lock:
            self.askers.add(asker)
            self.tally.families_done += 1
            self.tally.throttled = sum(each.throttled for each in self.askers)
            if family.lacking:
                remedy = "allow it (trailsift doctor --print-policy)"
                self.lacking.append(f"{account} {name}: {file.state} ({file.detail}); {remedy}")
            self.notes += [f"{account} {name}: {each}" for each in family.notes]
            self.report(self.tally)
        return file

    def _told(self, family: Family, done: int, total: int) -> None:
        with self.lock:
            self.principals[family.file.first["account_id"]] = (done, total)
            self.tally.principals_done = sum(each[0] for each in self.principals.values())
            self.tally.principals = sum(each[1] for each in self.principals.values())
            self.tally.throttled = sum(each.throttled for each in self.askers | {family.asker})
            self.report(self.tally)
