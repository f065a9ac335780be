"""Habits of machines: pipelines, functions, instances."""

from __future__ import annotations

from types import ModuleType

from . import actors, iam_dev, iam_prod
from .habits import EU, US, WEST, Habit, assumes, calls, from_service, opened, role, user
from .world import DEV, PROD

EXPORTER = user(iam_prod, "report-exporter")
JENKINS = user(iam_dev, "jenkins")


# The account's IAM, the role, bouts a weekday and a day of a weekend, hours, regions and calls by weight.
FUNCTIONS: tuple[tuple[ModuleType, str, float, float, str, tuple[tuple[float, str], ...], str], ...] = (
    (
        iam_prod,
        "orders-api",
        3.4,
        1.6,
        "always",
        ((1, US),),
        """5 dynamodb:DescribeTable 2 dynamodb:DescribeTimeToLive 3 secretsmanager:GetSecretValue
        3 kms:Decrypt@secret<secretsmanager 2 logs:CreateLogStream 0.2 secretsmanager:GetSecretValue!throttled""",
    ),
    (
        iam_prod,
        "payments-worker",
        3.0,
        2.0,
        "always",
        ((1, EU),),
        """4 sqs:GetQueueAttributes 2 sqs:GetQueueUrl 3 ssm:GetParameter@worker 2 sns:GetTopicAttributes
        1 logs:CreateLogStream 0.2 sqs:GetQueueAttributes!throttled""",
    ),
    (
        iam_prod,
        "nightly-snapshots",
        1.0,
        1.0,
        "night",
        ((1, WEST),),
        """3 ec2:DescribeVolumes 3 ec2:CreateSnapshot 2 ec2:DescribeSnapshots 2 ec2:DeleteSnapshot
        1 logs:CreateLogStream 0.6 ec2:CreateSnapshot!limited""",
    ),
    (
        iam_dev,
        "sandbox-api",
        1.6,
        0.4,
        "always",
        ((2, EU), (1, US)),
        "4 dynamodb:DescribeTable 2 dynamodb:DescribeTimeToLive 2 logs:CreateLogStream",
    ),
)


def habits() -> tuple[Habit, ...]:
    """The habits of everything that runs by itself."""
    return (*pipelines(), *functions(), *instances())


def pipelines() -> tuple[Habit, ...]:
    """CI: web identity sessions, a cross-account chain, and an old server with a key."""
    deploy = role(iam_prod, "ci-deploy")
    integration = role(iam_dev, "ci-integration")
    main = {"subject": "repo:orchard/orders-api:ref:refs/heads/main"}
    branch = {"subject": "repo:orchard/orders-api:pull_request"}
    return (
        Habit(
            "deployments",
            actors.federated(deploy, "terraform"),
            calls("""5 cloudformation:DescribeStacks 4 cloudformation:DescribeStackEvents
                2 cloudformation:CreateChangeSet 2 cloudformation:DescribeChangeSet 2 cloudformation:ExecuteChangeSet
                3 lambda:UpdateFunctionCode20150331v2 1 lambda:UpdateFunctionConfiguration20150331v2
                2 lambda:PublishVersion20150331 4 lambda:GetFunction20150331v2 2 ecr:GetAuthorizationToken
                3 ecr:BatchCheckLayerAvailability 3 ecr:InitiateLayerUpload 4 ecr:UploadLayerPart
                3 ecr:CompleteLayerUpload 2 ecr:PutImage 1 iam:TagRole 1 sts:GetCallerIdentity
                0.5 ec2:DescribeSubnets!boundary 0.4 cloudformation:DescribeStacks!throttled"""),
            "runners",
            2.2,
            size=(12, 26),
            regions=((5, US), (3, EU)),
            opening=(opened(assumes(actors.web_identity(PROD), deploy, "web"), main),),
            sessions="run",
        ),
        Habit(
            "integration tests",
            actors.federated(integration, "boto"),
            calls("""4 cloudformation:DescribeStacks 3 cloudformation:DescribeStackEvents 3 ecr:BatchGetImage
                2 ecr:DescribeRepositories 2 ecr:GetAuthorizationToken 0.6 ssm:GetParameter@feature!denied"""),
            "runners",
            3.2,
            0.3,
            size=(5, 12),
            regions=((2, US), (2, EU), (1, WEST)),
            opening=(opened(assumes(actors.web_identity(DEV), integration, "web"), branch),),
            sessions="run",
        ),
        Habit(
            "the old build server",
            actors.with_key(JENKINS, 0, "java"),
            calls("""2 ecr:GetAuthorizationToken 3 ecr:BatchCheckLayerAvailability 3 ecr:InitiateLayerUpload
                3 ecr:UploadLayerPart 3 ecr:CompleteLayerUpload 2 ecr:PutImage"""),
            "jenkins",
            1.6,
            size=(5, 9),
            regions=((1, EU),),
        ),
        Habit(
            "the old build server, second key",
            actors.with_key(JENKINS, 1, "java"),
            calls("1 ecr:GetAuthorizationToken 2 ecr:BatchCheckLayerAvailability"),
            "jenkins",
            0.3,
            size=(2, 4),
            regions=((1, EU),),
        ),
    )


def functions() -> tuple[Habit, ...]:
    """Lambda functions; Lambda assumes their roles, some calls go out again in their name."""
    made = []
    for module, name, weekday, weekend, hours, regions, mix in FUNCTIONS:
        target = role(module, name)
        made.append(
            Habit(
                f"{name} running",
                actors.session(target, "sdk-js" if name == "payments-worker" else "boto"),
                calls(mix),
                "prod-nat" if module is iam_prod else "dev-nat",
                weekday,
                weekend,
                hours=hours,
                regions=regions,
                opening=from_service(target, "lambda"),
                sessions=name,
            )
        )
    experiments = role(iam_dev, "ml-experiments")
    made.append(
        Habit(
            "experiments",
            actors.session(experiments, "boto"),
            calls("""4 sagemaker:ListTrainingJobs 3 sagemaker:DescribeTrainingJob 1 bedrock:ListFoundationModels!scp
                0.5 bedrock:ListInferenceProfiles!scp"""),
            "dev-nat",
            0.9,
            size=(3, 6),
            regions=((1, WEST),),
            opening=from_service(experiments, "sagemaker"),
            sessions="SageMaker",
        )
    )
    return tuple(made)


def instances() -> tuple[Habit, ...]:
    """EC2 instances with roles, and the exporter that runs on one with a key (which will leak)."""
    etl = role(iam_prod, "etl-batch")
    web = role(iam_prod, "web-frontend")
    runner = role(iam_dev, "dev-runner")
    return (
        Habit(
            "the nightly batch",
            actors.on_instance(etl, "java"),
            calls("""2 s3:ListObjects@raw 9 s3:GetObject@raw 6 s3:PutObject@curated 3 kms:Decrypt@data<s3
                2 kms:GenerateDataKey@data<s3 0.2 s3:GetObject@raw!no_key"""),
            "prod-vpc",
            1.0,
            1.0,
            size=(40, 60),
            hours="night",
            opening=from_service(etl, "ec2"),
            sessions="instance",
        ),
        Habit(
            "the web front end",
            actors.on_instance(web, "ssm-agent"),
            calls("""5 ssm:UpdateInstanceInformation 2 ssm:ListInstanceAssociations 2 ssm:GetParameter@web
                2 kms:Decrypt@ssm<ssm"""),
            "prod-vpc",
            3.0,
            2.2,
            hours="always",
            size=(3, 7),
            regions=((3, US), (2, EU), (2, WEST)),
            opening=from_service(web, "ec2"),
            sessions="instance",
        ),
        Habit(
            "the development runner",
            actors.on_instance(runner, "ssm-agent"),
            calls("5 ssm:UpdateInstanceInformation 2 ssm:ListInstanceAssociations"),
            "dev-vpc",
            2.0,
            0.8,
            hours="always",
            size=(2, 5),
            regions=((2, EU), (1, US), (1, WEST)),
            opening=from_service(runner, "ec2"),
            sessions="instance",
        ),
        Habit(
            "report export",
            actors.with_key(EXPORTER),
            calls("""3 s3:ListObjects@report 5 s3:PutObject@report 3 s3:GetObject@report 1 sts:GetCallerIdentity
                1 kms:GenerateDataKey@data<s3 1 kms:Decrypt@data<s3"""),
            "prod-nat",
            1.8,
            1.0,
            size=(5, 9),
        ),
    )
