"""What people do, as short bursts of calls. `+` after a call: up to four times; `?`: every other time."""

from __future__ import annotations

ACTIVITIES: dict[str, str] = {
    "look at instances": "ec2:DescribeInstances+ ec2:DescribeInstanceStatus ec2:DescribeTags? ec2:DescribeVolumes? "
    "ec2:DescribeSecurityGroups? monitoring:DescribeAlarms? ec2:DescribeInstanceTypes?",
    "look at functions": "lambda:ListFunctions20150331 lambda:GetFunction20150331v2+ lambda:GetPolicy20150331v2? "
    "monitoring:GetMetricData? logs:DescribeLogGroups? lambda:GetAccountSettings20160819?",
    "read logs": "logs:DescribeLogGroups logs:DescribeLogStreams+ logs:FilterLogEvents+ logs:StartQuery? "
    "logs:GetQueryResults?",
    "look at metrics": "monitoring:ListDashboards? monitoring:GetDashboard? monitoring:GetMetricData+ "
    "monitoring:DescribeAlarms monitoring:ListMetrics?",
    "look at buckets": "s3:ListBuckets s3:ListObjects+ s3:GetBucketLocation? s3:GetBucketVersioning? "
    "s3:GetBucketEncryption? s3:GetBucketTagging?",
    "look at iam": "iam:ListUsers? iam:ListRoles iam:GetRole+ iam:ListAttachedRolePolicies+ iam:ListRolePolicies? "
    "iam:GetAccountSummary? iam:ListPolicies? iam:GetPolicyVersion?",
    "look at databases": "rds:DescribeDBInstances+ rds:DescribeDBSnapshots? rds:DescribeEvents? rds:DescribeDBClusters",
    "look at tables": "dynamodb:ListTables dynamodb:DescribeTable+ dynamodb:DescribeContinuousBackups?",
    "look at containers": "ecs:ListClusters ecs:DescribeClusters ecs:ListServices ecs:DescribeServices+ ecs:ListTasks "
    "ecs:DescribeTasks? ecr:DescribeRepositories?",
    "look at stacks": "cloudformation:ListStacks cloudformation:DescribeStacks+ cloudformation:DescribeStackEvents+",
    "look at queues": "sqs:ListQueues sqs:GetQueueAttributes+ sns:ListTopics? sns:ListSubscriptionsByTopic?",
    "look at keys": "kms:ListAliases kms:ListKeys? kms:DescribeKey+ kms:GetKeyRotationStatus?",
    "look at costs": "ce:GetCostAndUsage+ ce:GetCostForecast? ce:GetDimensionValues? ce:GetReservationUtilization?",
    "look at secrets": "secretsmanager:ListSecrets secretsmanager:DescribeSecret+",
    "read a secret": "secretsmanager:DescribeSecret? secretsmanager:GetSecretValue",
    "look at findings": "guardduty:ListDetectors guardduty:GetDetector? guardduty:ListFindings guardduty:GetFindings+ "
    "securityhub:GetFindings?",
    "look at the trail": "cloudtrail:DescribeTrails cloudtrail:GetTrailStatus cloudtrail:LookupEvents+",
    "look at the network": "ec2:DescribeVpcs ec2:DescribeSubnets ec2:DescribeRouteTables ec2:DescribeSecurityGroups+ "
    "ec2:DescribeNetworkInterfaces ec2:DescribeFlowLogs?",
    "look at dns": "route53:ListHostedZones route53:ListResourceRecordSets+",
    "look at clusters": "eks:ListClusters eks:DescribeCluster+ eks:ListNodegroups? eks:DescribeNodegroup?",
    "look at backups": "backup:ListBackupVaults backup:ListBackupJobs+ backup:ListRecoveryPointsByBackupVault?",
    "fetch objects": "s3:ListObjects s3:GetObject+ s3:GetObject+",
    "put objects": "s3:PutObject+ s3:ListObjects?",
    "query the lake": "athena:StartQueryExecution+ athena:GetQueryExecution+ athena:GetQueryResults+ glue:GetTables? "
    "glue:GetTable+ glue:GetPartitions? s3:GetObject?",
    "work on jobs": "glue:GetJobs glue:GetJobRuns+ glue:StartJobRun? glue:UpdateJob?",
    "train models": "sagemaker:ListTrainingJobs sagemaker:CreateTrainingJob? sagemaker:DescribeTrainingJob+ "
    "s3:GetObject?",
    "try a prompt": "bedrock:ListFoundationModels? bedrock:InvokeModel+ bedrock:InvokeModel+ bedrock:Converse?",
    "deploy a function": "lambda:UpdateFunctionCode20150331v2 lambda:GetFunction20150331v2+ "
    "lambda:UpdateFunctionConfiguration20150331v2? lambda:PublishVersion20150331?",
    "deploy a stack": "cloudformation:ValidateTemplate? cloudformation:CreateChangeSet "
    "cloudformation:DescribeChangeSet+ "
    "cloudformation:ExecuteChangeSet cloudformation:DescribeStackEvents+",
    "push an image": "ecr:GetAuthorizationToken ecr:InitiateLayerUpload ecr:CompleteLayerUpload ecr:PutImage",
    "plan infrastructure": "sts:GetCallerIdentity ec2:DescribeVpcs ec2:DescribeSubnets iam:GetRole+ s3:GetBucketAcl+ "
    "s3:GetBucketPolicy+ ec2:DescribeSecurityGroups iam:ListAttachedRolePolicies+ s3:GetBucketLogging kms:DescribeKey+ "
    "s3:GetBucketVersioning+ lambda:GetFunction20150331v2+ sqs:GetQueueAttributes+ ec2:DescribeInstances "
    "rds:DescribeDBInstances route53:ListResourceRecordSets? iam:GetPolicyVersion+",
    "restart instances": "ec2:DescribeInstances ec2:StopInstances? ec2:StartInstances ec2:DescribeInstanceStatus+",
    "launch an instance": "ec2:DescribeImages ec2:DescribeInstanceTypes ec2:DescribeKeyPairs ec2:RunInstances "
    "ec2:CreateTags ec2:DescribeInstances+",
    "end an instance": "ec2:DescribeInstances ec2:TerminateInstances ec2:DescribeInstanceStatus",
    "open a port": "ec2:DescribeSecurityGroups ec2:AuthorizeSecurityGroupIngress ec2:RevokeSecurityGroupIngress?",
    "shell on an instance": "ssm:DescribeInstanceInformation ssm:StartSession ssm:ResumeSession? ssm:TerminateSession",
    "run a command": "ssm:SendCommand ssm:GetCommandInvocation+ ssm:ListCommandInvocations?",
    "tune parameters": "ssm:DescribeParameters ssm:GetParameters+ ssm:PutParameter?",
    "change a key's policy": "kms:DescribeKey kms:GetKeyPolicy kms:PutKeyPolicy?",
    "change dns": "route53:ListResourceRecordSets route53:ChangeResourceRecordSets route53:GetChange+",
    "snapshot a database": "rds:DescribeDBInstances rds:CreateDBSnapshot rds:DescribeDBSnapshots+",
    "edit a bucket": "s3:GetBucketPolicy s3:PutBucketTagging? s3:PutBucketLifecycle? s3:GetBucketLifecycle",
    "edit an alarm": "monitoring:DescribeAlarms monitoring:PutMetricAlarm sns:ListTopics?",
    "edit a role": "iam:GetRole iam:ListAttachedRolePolicies iam:AttachRolePolicy? iam:PutRolePolicy? "
    "iam:GetRolePolicy?",
    "review access": "iam:GenerateCredentialReport iam:GetCredentialReport iam:ListUsers iam:ListAccessKeys+ "
    "iam:ListMFADevices+ iam:GetAccessKeyLastUsed+ iam:ListGroupsForUser? iam:GetAccountAuthorizationDetails?",
    "review settings": "config:DescribeComplianceByConfigRule config:GetComplianceDetailsByConfigRule+ "
    "config:DescribeConfigurationRecorders? securityhub:DescribeStandards? securityhub:GetFindings+",
    "support case": "support:DescribeCases support:DescribeTrustedAdvisorChecks? support:CreateCase?",
    "step functions": "states:ListStateMachines states:DescribeStateMachine+ states:StartExecution? "
    "states:DescribeExecution+ states:GetExecutionHistory?",
    "api gateway": "apigateway:GetRestApis apigateway:GetResources+ apigateway:GetStages? apigateway:CreateDeployment?",
    "who am I": "sts:GetCallerIdentity",
    "work elsewhere": "",  # in another account, by a role there
    "home page": "ce:GetCostAndUsage? health:DescribeEventAggregates notifications:ListNotificationHubs? "
    "servicecatalog-appregistry:ListApplications? securityhub:DescribeHub? organizations:DescribeOrganization?",
}

TRADES: dict[str, dict[str, float]] = {
    "developer": {
        "look at functions": 8, "read logs": 12, "look at metrics": 5, "look at tables": 4, "look at queues": 4,
        "deploy a function": 5, "deploy a stack": 3, "look at stacks": 4, "push an image": 2, "look at containers": 5,
        "who am I": 3, "tune parameters": 2, "api gateway": 2, "step functions": 2, "read a secret": 0.7,
        "look at buckets": 3, "fetch objects": 2, "look at secrets": 0.7, "look at iam": 0.8, "try a prompt": 0.6,
        "look at databases": 1, "plan infrastructure": 1, "look at instances": 1, "look at clusters": 1,
    },
    "data": {
        "query the lake": 14, "fetch objects": 9, "put objects": 5, "work on jobs": 7, "look at buckets": 5,
        "train models": 3, "read logs": 3, "work elsewhere": 1, "who am I": 1, "look at metrics": 2,
        "read a secret": 0.5,
        "try a prompt": 1, "look at tables": 1, "launch an instance": 0.4, "end an instance": 0.3, "look at costs": 0.3,
    },
    "operations": {
        "look at instances": 9, "look at metrics": 7, "read logs": 6, "shell on an instance": 5, "restart instances": 2,
        "launch an instance": 1.2, "end an instance": 1, "open a port": 1, "run a command": 1.5, "look at databases": 4,
        "look at the network": 4, "change dns": 1, "snapshot a database": 0.7, "look at backups": 2, "look at iam": 2,
        "edit a role": 0.7, "edit an alarm": 1.5, "plan infrastructure": 3, "look at costs": 1, "look at keys": 1,
        "look at clusters": 3, "look at containers": 3, "support case": 0.4, "edit a bucket": 0.7, "read a secret": 0.8,
        "tune parameters": 2, "look at dns": 1, "look at findings": 1, "change a key's policy": 0.2,
        "work elsewhere": 2,
    },
    "security": {
        "look at findings": 9, "look at the trail": 7, "look at iam": 7, "review access": 2, "review settings": 4,
        "look at the network": 2, "look at keys": 2, "edit a role": 1, "look at buckets": 2, "look at secrets": 1,
        "query the lake": 2, "look at instances": 2, "work elsewhere": 3,
    },
    "finance": {"look at costs": 10, "look at instances": 0.4, "support case": 0.4, "fetch objects": 0.6},
    "auditor": {
        "review access": 5, "review settings": 5, "look at iam": 4, "look at the trail": 3, "look at keys": 2,
        "look at buckets": 1, "look at backups": 1,
    },
    "manager": {"look at metrics": 4, "look at costs": 3, "look at instances": 1, "look at findings": 0.5},
}  # fmt: skip

# Done with a tool on one's own machine rather than in the console.
BY_TOOL = {"push an image", "plan infrastructure", "who am I", "put objects", "deploy a function", "try a prompt"}
# What the console's own pages ask for, and many may not.
OFTEN_REFUSED = (
    "ce:GetCostAndUsage ce:GetCostForecast health:DescribeEventAggregates organizations:DescribeOrganization "
)
OFTEN_REFUSED += "securityhub:DescribeHub notifications:ListNotificationHubs iam:ListUsers iam:GetAccountSummary "
OFTEN_REFUSED += "kms:ListAliases kms:DescribeKey rds:DescribeDBClusters servicecatalog-appregistry:ListApplications "
OFTEN_REFUSED += "ec2:DescribeFlowLogs monitoring:ListDashboards lambda:GetAccountSettings20160819 iam:ListPolicies"

# Services that somebody tries who never did.
EXPLORED: dict[str, str] = {
    "streams": "kinesis:ListStreams kinesis:CreateStream kinesis:DescribeStreamSummary+ kinesis:DeleteStream?",
    "devices": "iot:ListThings iot:CreateThing iot:DescribeEndpoint iot:CreateKeysAndCertificate iot:AttachPolicy?",
    "maps": "geo:ListMaps geo:CreateMap geo:DescribeMap",
    "graph": "neptune-graph:ListGraphs rds:DescribeDBClusters rds:CreateDBCluster rds:DeleteDBCluster?",
    "vision": "rekognition:ListCollections rekognition:CreateCollection rekognition:DetectLabels+",
    "language": "comprehend:DetectSentiment+ translate:TranslateText+ polly:SynthesizeSpeech?",
    "models": "bedrock:ListFoundationModels bedrock:GetFoundationModelAvailability "
    "bedrock:CreateFoundationModelAgreement "
    "bedrock:InvokeModel+ bedrock:Converse+ bedrock:ListInferenceProfiles?",
    "kubernetes": "eks:DescribeClusterVersions eks:CreateCluster iam:CreateRole? iam:AttachRolePolicy? "
    "eks:DescribeCluster+",
    "hosting": "amplify:ListApps amplify:CreateApp amplify:CreateBranch lightsail:GetInstances?",
    "workflow": "states:CreateStateMachine states:StartExecution+ states:DescribeExecution+ iam:CreateRole? "
    "iam:PutRolePolicy?",
    "search": "es:ListDomainNames aoss:ListCollections aoss:CreateCollection aoss:BatchGetCollection+",
    "code": "codebuild:ListProjects codebuild:CreateProject codebuild:StartBuild codebuild:BatchGetBuilds+",
    "gpu": "ec2:DescribeInstanceTypeOfferings ec2:DescribeImages ec2:RunInstances ec2:DescribeInstances+ servicequotas:"
    "ListServiceQuotas servicequotas:RequestServiceQuotaIncrease?",
    "access keys": "iam:ListAccessKeys iam:GetUser iam:ListMFADevices sts:GetSessionToken?",
}
