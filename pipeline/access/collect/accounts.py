"""Which accounts are asked, and how each is reached: the caller's own by its credentials, others by a role in them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Event

from pipeline.access.collect.asking import Asker, Refused
from pipeline.access.collect.folder import FamilyFile
from pipeline.access.documents import MODULES
from pipeline.config import SourceSettings
from pipeline.errors import SourceError, UsageError

PLACE = "iam collect"


@dataclass(frozen=True)
class Plan:
    """What is asked for: see `trailsift iam collect --help`.

    `role` is a name or an ARN of which name and path count; `folder` keeps the answers, where they are to be kept.
    """

    accounts: tuple[str, ...] = ()
    role: str = ""
    profile: str = ""
    organization: bool = False
    last_accessed: bool = True
    regions: tuple[str, ...] = ()
    folder: Path | None = None
    fresh: bool = False

    def check(self) -> None:
        """Raises UsageError for what cannot be meant."""
        for each in self.accounts:
            if not (each.isascii() and each.isdigit() and len(each) == 12):
                raise UsageError("--account", f"{each!r} is no account", "write its 12 digits")
        if self.organization and self.accounts:
            raise UsageError("--organization", "names all accounts, --account some", "leave out one of the two")
        if self.organization and not self.role:
            raise UsageError("--organization", "needs a role in each account", "name it by --role")
        if self.role.startswith("arn:") and ":role/" not in self.role:
            raise UsageError(
                "--role", f"{self.role!r} is no role's ARN", "write arn:aws:iam::ACCOUNT:role/NAME, or NAME"
            )


@dataclass(frozen=True)
class Caller:
    """Whose credentials these are."""

    account: str
    partition: str
    asker: Asker


def caller(plan: Plan, stop: Event) -> Caller:
    """The account of the credentials that boto3's chain finds; raises SourceError where there are none, or bad ones."""
    asker = Asker(SourceSettings(PLACE, profile=plan.profile), stop)
    try:
        identity = asker.ask("sts", "GetCallerIdentity")
    except Refused as error:
        raise SourceError(
            PLACE, f"AWS refused ({error})", "name other credentials, by --profile or boto3's chain"
        ) from None
    return Caller(identity["Account"], identity["Arn"].split(":")[1], asker)


def chosen(plan: Plan, own: Caller, tree: FamilyFile) -> list[str]:
    """The accounts to ask; `tree` is the organization as the caller sees it."""
    if plan.organization:
        if tree.state != "complete":
            remedy = "use credentials of the management account or a delegated administrator"
            raise SourceError(PLACE, f"the organization's accounts cannot be listed ({tree.detail})", remedy)
        items = MODULES["organization"].items(tree.read().answers, lambda error: None)
        return sorted(each.item["Id"] for each in items if each.kind == "account" and each.item["Status"] == "ACTIVE")
    if plan.accounts:
        found = list(dict.fromkeys(plan.accounts))
        if not plan.role and found != [own.account]:
            other = next(each for each in found if each != own.account)
            raise UsageError("--account", f"the credentials are of {own.account}, not {other}", "name a role by --role")
        return found
    return [plan.role.split(":")[4] if plan.role.startswith("arn:") else own.account]


def reached(plan: Plan, own: Caller, account: str, stop: Event) -> Asker:
    """How an account is asked. Raises Refused where AWS does not let the role be assumed."""
    if account == own.account and not plan.role.startswith("arn:"):
        return own.asker
    name = plan.role.split(":role/", 1)[-1]
    arn = f"arn:{own.partition}:iam::{account}:role/{name}"
    asker = Asker(SourceSettings(PLACE, profile=plan.profile, role_arn=arn, region=own.asker.region or ""), stop)
    found = asker.ask("sts", "GetCallerIdentity")["Account"]
    if found != account:
        raise Refused("", f"{arn} leads to the account {found}")
    return asker


def masters(file: FamilyFile) -> Sequence[str]:
    """The management account, as far as a file on the organization tells."""
    items = MODULES["organization"].items(file.read().answers, lambda error: None)
    return [str(each.account_id) for each in items if each.kind == "organization"]
