"""Habits of people: IAM users with keys or in the console, Identity Center users, and those they become."""

from __future__ import annotations

from . import actors, iam_dev, iam_prod
from .habits import EU, US, WEST, Habit, Step, assumes, calls, role, user
from .world import DEV, PROD

ALICE = user(iam_prod, "alice.moreau")
DMITRI = user(iam_prod, "dmitri.volkov")
ERIN = user(iam_prod, "erin.nakamura")
FARAH = user(iam_prod, "farah.osei")
NOOR = user(iam_prod, "noor.haddad")
JONAS = user(iam_dev, "jonas.lind")
PRIYA = user(iam_dev, "priya.raman")
DOMAIN = "orchard.example"


def habits() -> tuple[Habit, ...]:
    """The habits of everybody who sits at a desk."""
    return (*users(), *console_users(), *portal_users(), *analysts())


def users() -> tuple[Habit, ...]:
    """IAM users at a terminal."""
    return (
        Habit(
            "alice at the terminal",
            actors.with_key(ALICE, agent="cli", key="<<akia>>"),
            calls("""6 ec2:DescribeInstances 3 ec2:DescribeSecurityGroups 3 ec2:DescribeVolumes 4 logs:StartQuery
                4 logs:DescribeLogGroups 3 lambda:GetFunction20150331v2 3 lambda:ListFunctions20150331
                3 monitoring:DescribeAlarms 2 iam:GetRole 2 iam:ListRoles 1 ssm:DescribeParameters
                2 sts:GetCallerIdentity 1 autoscaling:DescribeAutoScalingGroups 0.3 ec2:DescribeInstances!limited
                0.5 lambda:GetFunction20150331v2!no_function 0.4 secretsmanager:ListSecrets!denied"""),
            "office",
            2.2,
            0.1,
            regions=((6, US), (3, EU), (1, WEST)),
        ),
        Habit(
            "dmitri at the terminal",
            actors.with_key(DMITRI, agent="cli"),
            calls("""4 iam:ListUsers 3 iam:GetAccountSummary 4 ec2:DescribeInstances 3 s3:ListBuckets
                2 s3:GetBucketPolicy@artifacts 2 cloudtrail:DescribeTrails 3 cloudtrail:GetTrailStatus
                1 organizations:DescribeOrganization 0.6 s3:GetBucketLocation@gone!no_bucket
                0.6 iam:GetUser@gone!no_user"""),
            "vpn",
            1.1,
            regions=((1, US),),
        ),
        Habit(
            "farah at the terminal",
            actors.with_key(FARAH, agent="cli"),
            calls("""5 cloudformation:DescribeStacks 3 cloudformation:DescribeStackEvents 2 cloudformation:ListStacks
                2 cloudformation:GetTemplate 1 cloudformation:CreateChangeSet 1 cloudformation:DescribeChangeSet
                1 cloudformation:ExecuteChangeSet 0.4 cloudformation:DescribeStacks!no_stack
                0.3 cloudformation:DescribeStacks!throttled"""),
            "office",
            1.4,
            regions=((1, EU),),
        ),
        Habit(
            "jonas at the terminal",
            actors.with_key(JONAS, agent="cli"),
            calls("""5 ec2:DescribeInstances 3 ec2:DescribeImages 2 ec2:DescribeSubnets 4 lambda:GetFunction20150331v2
                3 lambda:UpdateFunctionCode20150331v2 2 sts:GetCallerIdentity 0.7 ec2:RunInstances!denied
                0.5 lambda:ListFunctions20150331!denied"""),
            "home-six",
            2.0,
            0.2,
            regions=((3, EU), (1, US)),
        ),
    )


def console_users() -> tuple[Habit, ...]:
    """IAM users in the console; the sign-in opens the bout."""

    def sign_in(who: actors.User, variant: str) -> tuple[Step, ...]:
        """The sign-in of an IAM user."""
        return (Step(f"signin:ConsoleLogin@{variant}", actors.signing_in(who), region=US),)

    return (
        Habit(
            "dmitri in the console",
            actors.in_console(DMITRI),
            calls("""3 iam:ListUsers 2 iam:ListRoles 4 ce:GetCostAndUsage 3 ec2:DescribeInstances
                2 cloudtrail:DescribeTrails 2 s3:ListBuckets"""),
            "vpn",
            0.4,
            opening=sign_in(DMITRI, "mfa"),
        ),
        Habit(
            "erin in the console",
            actors.in_console(ERIN),
            calls("""4 monitoring:GetDashboard 5 logs:FilterLogEvents 3 logs:DescribeLogGroups 2 dynamodb:ListTables
                3 dynamodb:DescribeTable 0.3 dynamodb:DescribeTimeToLive!denied"""),
            "office",
            0.3,
            opening=sign_in(ERIN, "no-mfa"),
        ),
        Habit(
            "noor in the console",
            actors.in_console(NOOR),
            calls("5 ce:GetCostAndUsage 2 budgets:DescribeBudgets 1 s3:ListBuckets"),
            "office",
            0.5,
            opening=sign_in(NOOR, "mfa"),
        ),
        Habit(
            "priya in the console",
            actors.in_console(PRIYA),
            calls("""4 logs:FilterLogEvents 3 logs:DescribeLogGroups 3 lambda:ListFunctions20150331
                3 lambda:GetFunction20150331v2 2 dynamodb:ListTables 2 dynamodb:DescribeTable
                0.4 iam:ListUsers!denied"""),
            "vpn",
            1.0,
            regions=((1, US), (2, EU)),
            opening=sign_in(PRIYA, "mfa"),
        ),
    )


def portal_users() -> tuple[Habit, ...]:
    """Identity Center users: the portal, then a session of the role that their permission set made."""

    def portal(name: str, account: str, target: actors.Role, browser: bool) -> tuple[Step, ...]:
        """What precedes an Identity Center user's first call."""
        person = actors.portal_user(name)
        fixed = {"permission_set": target.name.split("_")[1], "to_account": account}
        steps = (
            Step("sso:Authenticate", person, region=EU),
            Step("sso:Federate", person, fixed, region=EU),
            assumes(actors.saml(account), target, "saml"),
        )
        entering = Step("signin:ConsoleLogin@federated", actors.federated_sign_in(target), region=US)
        return (*steps, entering) if browser else steps

    admin = role(iam_prod, "PlatformAdmin")
    audit = role(iam_prod, "SecurityAudit")
    developer = role(iam_dev, "Developer")
    administering = calls("""4 ec2:DescribeInstances 2 ec2:DescribeSecurityGroups 2 ec2:DescribeVpcs
        1 ec2:AuthorizeSecurityGroupIngress 1 ec2:RunInstances 1 ec2:TerminateInstances 2 iam:ListRoles
        2 iam:GetRole 2 lambda:ListFunctions20150331 2 monitoring:DescribeAlarms 1 kms:ListAliases
        1 cloudformation:ListStacks""")
    auditing = calls("""3 iam:GetAccountSummary 3 iam:ListUsers 3 iam:ListRoles 1 iam:GetAccountAuthorizationDetails
        1 iam:GetAccountPasswordPolicy 2 cloudtrail:DescribeTrails 2 cloudtrail:GetEventSelectors
        3 cloudtrail:LookupEvents 2 s3:GetBucketPolicy@exports 2 s3:GetBucketAcl@exports
        2 s3:GetBucketEncryption@exports 2 s3:GetBucketPolicy@trail 1 kms:DescribeKey 1 kms:ListKeys
        1 s3:ListBuckets 0.3 s3:GetBucketLocation@trail!denied""")
    developing = calls("""4 cloudformation:DescribeStacks 3 logs:StartQuery 3 logs:FilterLogEvents
        3 lambda:GetFunction20150331v2 2 lambda:UpdateFunctionCode20150331v2 2 ec2:DescribeInstances
        1 cloudformation:DescribeStackEvents 0.4 lambda:PublishVersion20150331!denied
        0.3 rds:DescribeDBInstances!denied""")
    people = (
        ("maria.santos", PROD, admin, administering, 0.8, "vpn", ((4, US), (3, EU), (2, WEST)), False),
        ("ken.abe", PROD, admin, administering, 0.5, "office", ((1, US), (1, WEST)), True),
        ("sofia.lindqvist", PROD, audit, auditing, 0.7, "office", ((1, US),), True),
        ("tomas.novak", DEV, developer, developing, 1.3, "office", ((3, EU), (1, US)), False),
        ("amina.diallo", DEV, developer, developing, 1.2, "vpn", ((2, EU), (1, WEST)), True),
        ("li.wei", DEV, developer, developing, 0.9, "home-six", ((1, US), (2, WEST)), False),
    )
    return tuple(
        Habit(
            f"{name} from the portal",
            actors.in_browser(target) if browser else actors.session(target, "cli"),
            mix,
            network,
            rate,
            regions=regions,
            size=(4, 10),
            opening=portal(f"{name}@{DOMAIN}", account, target, browser),
            sessions=f"{name}@{DOMAIN}",
        )
        for name, account, target, mix, rate, network, regions, browser in people
    )


def analysts() -> tuple[Habit, ...]:
    """Analysts: an Identity Center session that assumes a second role (role chaining), which queries."""
    reader = role(iam_prod, "warehouse-reader")
    analyst = role(iam_prod, "DataAnalyst")
    querying = calls("""3 athena:StartQueryExecution 5 athena:GetQueryExecution 3 athena:GetQueryResults
        2 glue:GetTable 1 glue:GetDatabases 6 s3:GetObject@curated<athena 3 s3:ListObjects@curated<athena
        3 kms:Decrypt@data<athena 0.4 athena:StartQueryExecution!throttled""")
    made = []
    for name, network in (("lena.fischer", "office"), ("omar.said", "vpn")):
        person = f"{name}@{DOMAIN}"
        made.append(
            Habit(
                f"{name} querying",
                actors.session(reader, "java"),
                querying,
                network,
                0.8,
                size=(5, 12),
                opening=(
                    Step("sts:AssumeRoleWithSAML", actors.saml(PROD), first_hop(analyst)),
                    Step("s3:ListBuckets", with_first_key(analyst)),
                    assumes(with_first_key(analyst), reader),
                ),
                sessions=person,
            )
        )
    return tuple(made)


def first_hop(target: actors.Role) -> dict[str, str]:
    """The slots of a session that is only a step on the way: it has a key of its own."""
    fixed = dict(assumes(actors.saml(PROD), target, "saml").fixed)
    return fixed | {"newkey": "<<first_key>>"}


def with_first_key(target: actors.Role) -> actors.Actor:
    """The session in the middle of a chain."""
    actor = actors.session(target, "cli")
    return actors.replace(actor, identity=actor.identity | {"accessKeyId": "<<first_key>>"})
