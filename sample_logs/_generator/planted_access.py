"""The principals whose access is wrong on purpose: what the log can say of each, and what ought to replace it.

`used` is complete for the principal; the other lists name examples. `unused` here means that the log would have
shown the action and did not: a report may call it `unused_low_confidence` while it is asked for a longer window
than the four weeks there are. `replacement` is the policy that a good engineer would write, `by` the options of
`trailsift rightsize` that come to the same, and `kept` what the default keeps on top because no log could show it.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from . import iam_prod_roles as prod
from .world import ARTIFACTS, DEV, PROD, SSO_PATH, document, statement

READING = (
    "budgets:ViewBudget ce:GetCostAndUsage cloudtrail:DescribeTrails cloudtrail:GetTrailStatus ec2:DescribeInstances "
    "iam:GetAccountSummary iam:GetUser iam:ListRoles iam:ListUsers organizations:DescribeOrganization "
    "s3:GetBucketLocation s3:GetBucketPolicy s3:ListAllMyBuckets"
)
# What data events of a table, its indexes and streams would show, by what each works on.
ITEMS = (
    "dynamodb:BatchGetItem dynamodb:BatchWriteItem dynamodb:ConditionCheckItem dynamodb:DeleteItem dynamodb:GetItem "
    "dynamodb:PartiQLDelete dynamodb:PartiQLInsert dynamodb:PartiQLUpdate dynamodb:PutItem dynamodb:UpdateItem"
)
QUERIES = "dynamodb:PartiQLSelect dynamodb:Query dynamodb:Scan"
STREAMS = "dynamodb:GetRecords dynamodb:GetShardIterator"
MESSAGES = (
    "sqs:ChangeMessageVisibility sqs:DeleteMessage sqs:ListDeadLetterSourceQueues sqs:ListQueueTags "
    "sqs:ReceiveMessage sqs:SendMessage"
)
ADMINISTERING = (
    "cloudformation:ListStacks cloudwatch:DescribeAlarms ec2:AuthorizeSecurityGroupIngress ec2:DescribeInstances "
    "ec2:DescribeSecurityGroups ec2:DescribeVpcs ec2:RunInstances ec2:TerminateInstances iam:CreateAccessKey "
    "iam:GetRole iam:ListRoles iam:PassRole iam:UpdateAccessKey kms:ListAliases lambda:ListFunctions"
)
STACKS = (
    "cloudformation:CreateChangeSet cloudformation:DescribeChangeSet cloudformation:DescribeStackEvents "
    "cloudformation:DescribeStacks cloudformation:ExecuteChangeSet"
)
FUNCTION = (
    "lambda:CreateFunction lambda:GetFunction lambda:PublishVersion lambda:UpdateFunctionCode "
    "lambda:UpdateFunctionConfiguration"
)
IMAGES = (
    "ecr:BatchCheckLayerAvailability ecr:CompleteLayerUpload ecr:InitiateLayerUpload ecr:PutImage ecr:UploadLayerPart"
)
SECRET = f"arn:aws:secretsmanager:*:{PROD}:secret:orders/db"
LOG_GROUP = f"arn:aws:logs:*:{PROD}:log-group:/aws/lambda/orders-api"
# Permissions that no operation is named after: checked inside other calls, by other services, or by consoles only.
ONLY_CHECKED = {
    "s3": "BypassGovernanceRetention GetAccountPublicAccessBlock GetObjectVersionForReplication "
    "GetStorageLensDashboard InitiateReplication ObjectOwnerOverrideToBucketOwner PauseReplication "
    "PutAccessPointPublicAccessBlock ReplicateDelete ReplicateObject ReplicateTags",
    "dynamodb": "AssociateTableReplica CreateGlobalTableWitness CreateTableReplica DeleteGlobalTableWitness "
    "DeleteTableReplica DescribeReservedCapacity DescribeReservedCapacityOfferings GetAbacStatus InjectError "
    "PurchaseReservedCapacityOfferings ReadDataForReplication ReplicateSettings RestoreTableFromAwsBackup "
    "StartAwsBackupJob UpdateAbacStatus UpdateGlobalTableVersion WriteDataForReplication",
    "cloudformation": "CreateUploadBucket ListAllHookResults TagResource UntagResource",
    "ecr": "BatchImportUpstreamImage GetImageCopyStatus ReplicateImage",
    "lambda": "DisableReplication EnableReplication InvokeFunctionUrl PassCapacityProvider "
    "UpdateFunctionCodeSigningConfig",
}
LEAN = "--resources --assume-unused services,eventless,elsewhere"
QUEUE, TOPIC = f"arn:aws:sqs:*:{PROD}:payments", f"arn:aws:sns:*:{PROD}:payment-events"


@dataclass(frozen=True)
class Planted:
    """One principal; `remedy` says what to do, `replacement` holds policies by name (None: nothing remains)."""

    name: str
    principal_arn: str
    what: str
    remedy: str
    used: str = ""
    unused: str = ""
    not_observable: str = ""
    blocked: str = ""
    by: str = ""
    kept: str = ""
    replacement: dict[str, Any] | None = None

    def as_json(self) -> dict[str, Any]:
        """The row of `planted.json`."""
        row = {k: v.split() if k in LISTS else v for k, v in asdict(self).items() if k != "replacement"}
        return row | {"rightsized": f"iam/rightsized/{self.name}.json" if self.replacement else None}

    def rightsized(self) -> dict[str, Any]:
        """The file of the right policy."""
        policies = [{"name": name, "document": each} for name, each in (self.replacement or {}).items()]
        return {"principal_arn": self.principal_arn, "policies": policies}


LISTS = ("used", "unused", "not_observable", "blocked", "kept")


def only_checked(*services: str) -> str:
    """The permissions of services that no operation is named after."""
    return " ".join(f"{service}:{name}" for service in services for name in ONLY_CHECKED[service].split())


def over_permissioned() -> tuple[Planted, ...]:
    """Those that keep a smaller policy."""
    return (*machines(), *functions(), *pipelines(), *people())


def machines() -> tuple[Planted, ...]:
    """A batch on an instance, and experiments that a control policy stops."""
    return (
        Planted(
            "etl-batch",
            f"arn:aws:iam::{PROD}:role/etl-batch",
            "`s3:*` on the exports bucket; the nightly batch lists, reads raw/ and writes curated/",
            "three actions, each on its own prefix",
            used="s3:ListBucket s3:GetObject s3:PutObject kms:Decrypt kms:GenerateDataKey",
            unused="s3:DeleteObject s3:DeleteBucket s3:PutBucketPolicy s3:PutObjectAcl s3:PutLifecycleConfiguration",
            not_observable="s3:BypassGovernanceRetention",
            by=LEAN,
            kept=only_checked("s3"),
            replacement={
                "exports": document(
                    statement("s3:ListBucket", prod.BUCKET, sid="List"),
                    statement("s3:GetObject", f"{prod.BUCKET}/raw/*", sid="Read"),
                    statement("s3:PutObject", f"{prod.BUCKET}/curated/*", sid="Write"),
                ),
                "exports-key": document(statement("kms:Decrypt kms:GenerateDataKey", prod.DATA_KEY)),
            },
        ),
        Planted(
            "ml-experiments",
            f"arn:aws:iam::{DEV}:role/research/ml-experiments",
            "`bedrock:*`, which the service control policy no-generative-models takes away again",
            "drop what is blocked",
            used="sagemaker:DescribeTrainingJob sagemaker:ListTrainingJobs",
            blocked="bedrock:InvokeModel bedrock:ListFoundationModels bedrock:ListInferenceProfiles",
            by="--resources",
            replacement={
                "experiments": document(
                    statement("sagemaker:ListTrainingJobs", sid="Training"),
                    statement(
                        "sagemaker:DescribeTrainingJob", f"arn:aws:sagemaker:*:{DEV}:training-job/*", sid="Described"
                    ),
                )
            },
        ),
    )


def functions() -> tuple[Planted, ...]:
    """Lambda functions, much of whose work leaves no events."""
    return (
        Planted(
            "orders-api",
            f"arn:aws:iam::{PROD}:role/service-role/orders-api",
            "`dynamodb:*` on its table; two management actions seen, and items whose events are not logged",
            "keep the two, and the actions on items and streams (the log cannot vouch for them), drop the rest",
            used="dynamodb:DescribeTable dynamodb:DescribeTimeToLive secretsmanager:GetSecretValue kms:Decrypt "
            "logs:CreateLogStream",
            unused="dynamodb:DeleteTable dynamodb:UpdateTable dynamodb:CreateBackup logs:CreateLogGroup",
            not_observable="dynamodb:GetItem dynamodb:PutItem dynamodb:Query dynamodb:UpdateItem logs:PutLogEvents",
            by=LEAN,
            kept=only_checked("dynamodb"),
            replacement={
                "orders-table": document(
                    statement("dynamodb:DescribeTable dynamodb:DescribeTimeToLive", prod.TABLE, sid="Seen"),
                    statement(ITEMS, prod.TABLE, sid="ItemsAreNotLogged"),
                    statement(f"{QUERIES} {STREAMS}", [prod.TABLE, f"{prod.TABLE}/index/*"], sid="NorAreIndexes"),
                ),
                "orders-secret": document(
                    # Six random characters follow a secret's name in its ARN.
                    statement("secretsmanager:GetSecretValue", [SECRET, f"{SECRET}-??????"]),
                    statement("kms:Decrypt", prod.SSM_KEY),
                ),
                "own-log": document(statement("logs:CreateLogStream logs:PutLogEvents", f"{LOG_GROUP}:log-stream:*")),
            },
        ),
        Planted(
            "payments-worker",
            f"arn:aws:iam::{PROD}:role/service-role/payments-worker",
            "NotAction: everything but identity, on everything",
            "name what it calls; message actions stay for its queue and topic, because they are not logged",
            used="sqs:GetQueueAttributes sqs:GetQueueUrl sns:GetTopicAttributes ssm:GetParameter logs:CreateLogStream",
            unused="ec2:RunInstances s3:CreateBucket cloudtrail:StopLogging rds:DeleteDBInstance",
            not_observable="sqs:ReceiveMessage sqs:SendMessage sns:Publish dynamodb:GetItem lambda:InvokeFunction",
            by=LEAN,
            replacement={
                "payments": document(
                    statement("sqs:GetQueueAttributes sqs:GetQueueUrl", QUEUE, sid="Queue"),
                    statement(MESSAGES, QUEUE, sid="MessagesAreNotLogged"),
                    statement("sqs:ListQueues", sid="NorAreTheirLists"),
                    statement("sns:GetTopicAttributes sns:Publish", TOPIC, sid="Topic"),
                    statement("ssm:GetParameter", f"arn:aws:ssm:*:{PROD}:parameter/worker/queue-url", sid="Settings"),
                    statement(
                        "logs:CreateLogStream logs:GetLogEvents logs:PutLogEvents",
                        f"{LOG_GROUP}:log-stream:*",
                        sid="OwnLog",
                    ),
                    statement("logs:FilterLogEvents logs:Unmask", LOG_GROUP, sid="LogReadingIsNotLogged"),
                )
            },
        ),
    )


def pipelines() -> tuple[Planted, ...]:
    """The deployment role, under a permissions boundary."""
    deploying = document(
        statement(STACKS, f"arn:aws:cloudformation:*:{PROD}:stack/orders-api/*", sid="Stack"),
        statement(FUNCTION, f"arn:aws:lambda:*:{PROD}:function:orders-api", sid="Function"),
        statement("ecr:GetAuthorizationToken", sid="Registry"),
        statement(IMAGES, f"arn:aws:ecr:*:{PROD}:repository/orders-api", sid="Images"),
        statement("iam:PassRole iam:TagRole", f"arn:aws:iam::{PROD}:role/service-role/orders-api", sid="Role"),
    )
    return (
        Planted(
            "ci-deploy",
            f"arn:aws:iam::{PROD}:role/ci/ci-deploy",
            "three services whole, and `ec2:*` and iam:CreateUser, which its permissions boundary blocks",
            "drop what the boundary blocks, name the deployment's own calls and the one role it passes",
            used=f"{STACKS} {FUNCTION} {IMAGES} ecr:GetAuthorizationToken iam:TagRole iam:PassRole",
            unused="lambda:DeleteFunction cloudformation:DeleteStack ecr:DeleteRepository",
            blocked="ec2:RunInstances ec2:DescribeSubnets iam:CreateUser",
            by="--resources --assume-unused all",
            # Functions' calls are data events, which the trail does not select; a list of stacks may be behind
            # DescribeStacks.
            kept=f"{only_checked('cloudformation', 'ecr', 'lambda')} lambda:InvokeAsync lambda:InvokeFunction "
            "cloudformation:ListStacks",
            replacement={"deploy": deploying},
        ),
    )


def people() -> tuple[Planted, ...]:
    """Administrators, a member of a group, and the user whose key leaked."""
    return (
        Planted(
            "dmitri.volkov",
            f"arn:aws:iam::{PROD}:user/dmitri.volkov",
            "an administrator who only ever looks",
            "a reading policy instead of AdministratorAccess; a role for the rare day that needs more",
            used=READING.replace("budgets:ViewBudget ", ""),
            unused="iam:CreateUser ec2:RunInstances s3:DeleteBucket cloudtrail:StopLogging",
            not_observable="iam:PassRole dynamodb:GetItem lambda:InvokeFunction",
            by="--assume-unused all",
            replacement={"reading": document(statement(READING.replace("budgets:ViewBudget ", "")))},
        ),
        Planted(
            "platform-admin",
            f"arn:aws:iam::{PROD}:role{SSO_PATH}AWSReservedSSO_PlatformAdmin_7a1e5c3b9d2f4068",
            "a permission set with AdministratorAccess, for a few machines and other people's keys",
            "name the daily work in the permission set, and keep an administrator's for emergencies",
            used=ADMINISTERING,
            unused="iam:CreateUser s3:DeleteBucket cloudtrail:StopLogging",
            not_observable="dynamodb:GetItem lambda:InvokeFunction",
            by="--assume-unused all",
            replacement={"platform": document(statement(ADMINISTERING))},
        ),
        Planted(
            "noor.haddad",
            f"arn:aws:iam::{PROD}:user/noor.haddad",
            "has permissions through the group finance-readers only",
            "trim the group's policy",
            used="budgets:ViewBudget ce:GetCostAndUsage s3:ListAllMyBuckets",
            unused="ce:GetCostForecast cur:DescribeReportDefinitions athena:StartQueryExecution athena:GetQueryResults",
            replacement={
                "costs": document(
                    statement("ce:GetCostAndUsage budgets:ViewBudget", sid="Costs"),
                    statement("s3:ListAllMyBuckets", sid="Reports"),
                )
            },
        ),
        Planted(
            "report-exporter",
            f"arn:aws:iam::{PROD}:user/service/report-exporter",
            "may attach policies to itself, which the incident used; holds AdministratorAccess since then",
            "treat as compromised: both keys off, AdministratorAccess and own-credentials away, a role instead of a "
            "user. What the stranger called is `used` in the log, so no log proves this remedy: judge what came before",
            used="s3:ListBucket s3:GetObject s3:PutObject kms:Decrypt kms:GenerateDataKey iam:AttachUserPolicy "
            "iam:CreateAccessKey iam:GetUser iam:ListAccessKeys iam:ListUsers s3:ListAllMyBuckets "
            "secretsmanager:ListSecrets",
            unused="iam:DeleteAccessKey iam:DetachUserPolicy",
            by="--to 2026-10-27T00:00:00Z --resources --assume-unused all",
            replacement={
                "export-reports": document(
                    statement("s3:ListBucket", prod.BUCKET),
                    statement("s3:GetObject s3:PutObject", f"{prod.BUCKET}/reports/*"),
                    statement("kms:Decrypt kms:GenerateDataKey", prod.DATA_KEY),
                )
            },
        ),
    )


def unused_principals() -> tuple[Planted, ...]:
    """Those that should go, or lose a credential."""
    return (
        Planted(
            "datacentre-migration",
            f"arn:aws:iam::{PROD}:role/datacentre-migration",
            "a role with AdministratorAccess that was never used",
            "delete the role",
            unused="iam:CreateUser ec2:RunInstances",
        ),
        Planted(
            "search-proof-of-concept",
            f"arn:aws:iam::{DEV}:role/search-proof-of-concept",
            "a role last used on 2025-12-19",
            "delete the role",
            unused="es:DescribeDomain",
        ),
        Planted(
            "legacy-backup",
            f"arn:aws:iam::{PROD}:user/service/legacy-backup",
            "a user whose active key was last used in February 2025 and whose password never was",
            "delete the user",
        ),
    )


def clean() -> tuple[Planted, ...]:
    """Those that use all they have: nothing to report."""
    return (
        Planted(
            "warehouse-reader",
            f"arn:aws:iam::{PROD}:role/analytics/warehouse-reader",
            "uses everything it is granted, most of it through Athena",
            "none",
            used="athena:GetQueryExecution athena:GetQueryResults athena:StartQueryExecution glue:GetDatabases "
            "glue:GetTable s3:ListBucket s3:GetObject kms:Decrypt",
        ),
        Planted(
            "artifact-publisher",
            f"arn:aws:iam::{PROD}:role/release/artifact-publisher",
            f"the end of a role chain that begins in the other account; tags {ARTIFACTS} and pushes an image",
            "none",
            used="ecr:BatchGetImage ecr:PutImage s3:PutBucketTagging",
        ),
    )


CREDENTIALS = (
    (f"arn:aws:iam::{PROD}:user/erin.nakamura", "signs in to the console without MFA"),
    (f"arn:aws:iam::{PROD}:user/farah.osei", "a second active key, made in March 2024 and last used in September 2025"),
    (
        f"arn:aws:iam::{PROD}:user/service/legacy-backup",
        "an active key older than 90 days, unused; a password never used",
    ),
    (
        f"arn:aws:iam::{PROD}:user/service/report-exporter",
        "two active keys: one older than 90 days, one of the stranger",
    ),
    (f"arn:aws:iam::{DEV}:user/service/jenkins", "two active keys, both older than 90 days"),
    (f"arn:aws:iam::{DEV}:root", "the root user has no MFA"),
)
