"""A proposal for the tools that manage policies: Terraform's AWS provider and CloudFormation.

Only what changes is written. What must be detached or deleted stands in comments, or in the template's metadata:
neither tool can take away what it did not make.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pipeline.access.rightsize.changes import Change
from pipeline.access.rightsize.holdings import INLINE
from pipeline.access.rightsize.propose import Proposal
from pipeline.access.rightsize.texts import hcl, label, plain, pretty


def terraform(proposal: Proposal) -> str:
    """Resources of Terraform's AWS provider; policies that exist must be imported before they are applied."""
    taken: set[str] = set()
    lines = [f"# Right-sized policies of {proposal.principal.arn}", *(f"# {note}" for note in proposal.notes)]
    lines += [f"# {each}" for each in _removals(proposal)]
    blocks = [block for change in proposal.changes for block in _blocks(proposal, change, taken)]
    return "\n\n".join(["\n".join(plain(line) for line in lines), *blocks]) + "\n"


def _blocks(proposal: Proposal, change: Change, taken: set[str]) -> Iterator[str]:
    kind, owner = _owner(proposal, change)
    for each in change.policies() if change.kind != "keep" else ():
        name = label(each["name"], taken)
        document = f"jsonencode({hcl(each['document'])})"
        if each["kind"] == INLINE:
            members = {"name": hcl(each["name"]), kind: hcl(owner), "policy": document}
            yield _resource(f"aws_iam_{kind}_policy", name, members)
            continue
        members = {"name": hcl(each["name"]), "path": hcl(_path(each["arn"])), "policy": document}
        yield _resource("aws_iam_policy", name, members)
        attachment = {kind: hcl(owner), "policy_arn": f"aws_iam_policy.{name}.arn"}
        yield _resource(f"aws_iam_{kind}_policy_attachment", name, attachment)


def _resource(kind: str, name: str, members: dict[str, str]) -> str:
    width = max(map(len, members))
    body = "\n".join(f"  {member.ljust(width)} = {value}".replace("\n", "\n  ") for member, value in members.items())
    return f'resource "{kind}" "{name}" {{\n{body}\n}}'


def cloudformation(proposal: Proposal) -> str:
    """A CloudFormation template in JSON; policies that exist must be imported into the stack."""
    taken: set[str] = set()
    resources: dict[str, Any] = {}
    for change in proposal.changes:
        kind, owner = _owner(proposal, change)
        for each in change.policies() if change.kind != "keep" else ():
            name = label(each["name"], taken, r"[^A-Za-z0-9]")
            title = kind.capitalize()
            if each["kind"] == INLINE:
                made = {"PolicyName": each["name"], f"{title}Name": owner, "PolicyDocument": each["document"]}
                resources[name] = {"Type": f"AWS::IAM::{title}Policy", "Properties": made}
                continue
            made = {"ManagedPolicyName": each["name"], "Path": _path(each["arn"]), f"{title}s": [owner]}
            resources[name] = {
                "Type": "AWS::IAM::ManagedPolicy",
                "Properties": {**made, "PolicyDocument": each["document"]},
            }
    return pretty(
        {
            "AWSTemplateFormatVersion": "2010-09-09",
            "Description": f"Right-sized policies of {proposal.principal.arn}"[:1024],
            "Metadata": {"Remove": _removals(proposal), "Notes": proposal.notes},
            "Resources": resources,
        }
    )


def _owner(proposal: Proposal, change: Change) -> tuple[str, str]:
    """What holds a policy: role, user or group, and its name."""
    group = change.holding.group
    return ("group", group) if group else (proposal.principal.kind, proposal.principal.name)


def _path(arn: str | None) -> str:
    """The path of a policy of this ARN, `/` for a new one."""
    parts = arn.partition(":policy/")[2].split("/")[:-1] if arn else []
    return "/" + "".join(f"{each}/" for each in parts)


def _removals(proposal: Proposal) -> list[str]:
    """What must be taken off by hand, once the new policies are in place."""
    found = []
    for change in proposal.changes:
        if change.kind in ("remove", "replace"):
            kind, owner = _owner(proposal, change)
            verb = "delete" if change.holding.kind == INLINE else "detach"
            found.append(f"{verb} the {change.holding.kind} policy {change.holding.arn or change.holding.name}"
                         f" from {kind} {owner}")  # fmt: skip
    return found
