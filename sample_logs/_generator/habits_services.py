"""Habits of those who are not ours: the vendor we trust, and AWS's own services."""

from __future__ import annotations

from . import actors, iam_dev, iam_prod
from .habits import EU, US, WEST, Habit, assumes, calls, from_service, opened, role
from .world import DEV, PROD


def habits() -> tuple[Habit, ...]:
    """The habits of callers from outside the two accounts."""
    return (*strangers_we_trust(), *services())


def strangers_we_trust() -> tuple[Habit, ...]:
    """Callers from other accounts: the monitoring vendor."""
    vendor = role(iam_prod, "vendor-monitoring")
    return (
        Habit(
            "the vendor's collector",
            actors.session(vendor, "boto"),
            calls("""4 monitoring:GetMetricData 2 monitoring:ListMetrics 3 ec2:DescribeInstances
                2 lambda:ListFunctions20150331 1 rds:DescribeDBInstances 1 sqs:ListQueues
                0.5 sns:ListTopics!denied"""),
            "vendor",
            2.0,
            2.0,
            hours="always",
            size=(4, 8),
            regions=((1, US), (1, EU), (1, WEST)),
            opening=(opened(assumes(actors.vendor(), vendor, "external"), {"caller_session": "collector"}),),
            sessions="collector",
        ),
    )


def services() -> tuple[Habit, ...]:
    """AWS services in their own name and through their service-linked roles."""
    scaling = role(iam_prod, "AWSServiceRoleForAutoScaling")
    made = [
        Habit(
            "auto scaling",
            actors.linked(scaling, "autoscaling"),
            calls("4 ec2:DescribeInstances 4 ec2:DescribeInstanceStatus 1 monitoring:DescribeAlarms"),
            "prod-nat",
            2.6,
            2.6,
            hours="always",
            size=(2, 6),
            regions=((2, US), (2, EU), (2, WEST)),
            opening=from_service(scaling, "autoscaling"),
            sessions="AutoScaling",
        )
    ]
    for module, account in ((iam_prod, PROD), (iam_dev, DEV)):
        sso = role(module, "AWSServiceRoleForSSO")
        made.append(
            Habit(
                f"identity center in {account}",
                actors.linked(sso, "sso"),
                calls("3 iam:ListRoles 1 organizations:DescribeOrganization"),
                "prod-nat",
                0.4,
                0.2,
                hours="always",
                size=(1, 3),
                opening=from_service(sso, "sso"),
                sessions="AWS-SSO",
            )
        )
        made += own_name(account)
    return tuple(made)


def own_name(account: str) -> list[Habit]:
    """What services do as themselves, and the events that nobody called for."""
    rows = (
        ("cloudtrail", "1 s3:GetBucketAcl@trail", 1.0, ((1, US),)),
        ("config", "3 s3:GetBucketAcl@artifacts 0.3 s3:GetBucketAcl@config!denied", 0.8, ((2, US), (1, EU), (1, WEST))),
    )
    made = [
        Habit(
            f"{name} in {account}",
            actors.service(account, name),
            calls(mix),
            "prod-nat",
            rate,
            rate,
            hours="always",
            size=(1, 2),
            regions=regions,
        )
        for name, mix, rate, regions in rows
    ]
    events = (("kms", "1 kms:RotateKey"), ("ec2", "1 ec2:BidEvictedEvent"))
    made += [
        Habit(
            f"{name} events in {account}",
            actors.event_of(account, name),
            calls(mix),
            "prod-nat",
            0.15,
            0.15,
            hours="always",
            size=(1, 1),
            regions=((1, US), (1, EU)),
        )
        for name, mix in events
    ]
    return made
