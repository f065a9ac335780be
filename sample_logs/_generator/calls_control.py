"""Calls that run things: EC2, Lambda, CloudFormation, ECR, logs, metrics, cost, trails, Config, Bedrock."""

from __future__ import annotations

from collections.abc import Callable

from .calls import resource

LAMBDA = "arn:aws:lambda:<<region>>:<<account>>:function:"
STACK = "arn:aws:cloudformation:<<region>>:<<account>>:stack/orders-api/7c5b2f10-9a4e-11f0-8d2c-0a1b2c3d4e5f"
NO_SETS = {"instancesSet": {}, "filterSet": {}}


def register(add: Callable[..., None]) -> None:
    """Add this module's calls to the table."""
    machines(add)
    functions(add)
    delivery(add)
    watching(add)
    services(add)


def machines(add: Callable[..., None]) -> None:
    """EC2 and Auto Scaling."""
    instance = "arn:aws:ec2:<<region>>:<<account>>:instance"
    running = {"filterSet": {"items": [{"name": "instance-state-name", "valueSet": {"items": [{"value": "running"}]}}]}}
    add("ec2:DescribeInstances", True, {"instancesSet": {}} | running)
    add("ec2:DescribeSecurityGroups", True, {"securityGroupSet": {}, "securityGroupIdSet": {}, "filterSet": {}})
    add("ec2:DescribeVolumes", True, {"volumeSet": {}, "filterSet": {}})
    add("ec2:DescribeVpcs", True, {"vpcSet": {}, "filterSet": {}})
    add("ec2:DescribeSubnets", True, {"subnetSet": {}, "filterSet": {}})
    add(
        "ec2:DescribeImages",
        True,
        {"executableBySet": {}, "imagesSet": {}, "ownersSet": {"items": [{"owner": "self"}]}},
    )
    add(
        "ec2:DescribeSnapshots", True, {"snapshotSet": {}, "ownersSet": {"items": [{"owner": "self"}]}, "filterSet": {}}
    )
    add("ec2:DescribeRegions", True, {"regionSet": {}, "allRegions": False})
    add("ec2:DescribeInstanceStatus", True, {"instancesSet": {}, "filterSet": {}, "includeAllInstances": False})
    volume = "vol-0a9b8c7d6e5f40312"
    answer = {"requestId": "<<rid>>", "snapshotId": "snap-<<h17.s>>", "volumeId": volume, "status": "pending"}
    answer |= {"startTime": "<<#epoch>>", "ownerId": "<<account>>", "volumeSize": "100", "encrypted": True}
    tags = {
        "tagSpecificationSet": {"items": [{"resourceType": "snapshot", "tags": [{"key": "by", "value": "nightly"}]}]}
    }
    arn = "arn:aws:ec2:<<region>>::snapshot/*"
    add("ec2:CreateSnapshot", False, {"volumeId": volume, "description": "nightly"} | tags, response=answer, on=arn)
    gone = {"requestId": "<<rid>>", "_return": True}
    add("ec2:DeleteSnapshot", False, {"snapshotId": "snap-<<h17.s>>", "force": False}, response=gone, on=arn)
    asked = {"instancesSet": {"items": [{"imageId": "ami-0f3c7d07486cad139", "minCount": 1, "maxCount": 1}]}}
    asked |= {"instanceType": "c7g.large", "blockDeviceMapping": {}, "monitoring": {"enabled": False}}
    asked |= {"subnetId": "subnet-0b1f2e3d4c5a69788", "disableApiTermination": False}
    asked |= {"iamInstanceProfile": {"arn": "arn:aws:iam::<<account>>:instance-profile/etl-batch"}}
    asked |= {"clientToken": "<<uuid.c>>", "ebsOptimized": False}
    item = {"instanceId": "i-<<h17.i>>", "imageId": "ami-0f3c7d07486cad139", "instanceType": "c7g.large"}
    item |= {"instanceState": {"code": 0, "name": "pending"}, "launchTime": "<<#epoch>>", "amiLaunchIndex": 0}
    item |= {"placement": {"availabilityZone": "<<region>>a", "tenancy": "default"}, "privateIpAddress": "10.20.3.41"}
    answer = {"requestId": "<<rid>>", "reservationId": "r-<<h17.r>>", "ownerId": "<<account>>", "groupSet": {}}
    add("ec2:RunInstances", False, asked, response=answer | {"instancesSet": {"items": [item]}}, on=f"{instance}/*")
    ended = {"items": [{"instanceId": "i-<<h17.i>>", "currentState": {"code": 32, "name": "shutting-down"}}]}
    asked = {"instancesSet": {"items": [{"instanceId": "i-<<h17.i>>"}]}}
    add(
        "ec2:TerminateInstances",
        False,
        asked,
        response={"requestId": "<<rid>>", "instancesSet": ended},
        on=f"{instance}/*",
    )
    rule = {"ipProtocol": "tcp", "fromPort": 443, "toPort": 443, "groups": {}, "ipRanges": {}}
    rule["ipRanges"] = {"items": [{"cidrIp": "10.20.0.0/16", "description": "inside"}]}
    asked = {"groupId": "sg-0d4c3b2a190817263", "ipPermissions": {"items": [rule]}}
    add("ec2:AuthorizeSecurityGroupIngress", False, asked, response={"requestId": "<<rid>>", "_return": True})
    add("autoscaling:DescribeAutoScalingGroups", True, {"maxRecords": 100})


def functions(add: Callable[..., None]) -> None:
    """Lambda, with the dated event names it writes."""
    role = "arn:aws:iam::<<account>>:role/service-role/orders-api"
    made = {"functionName": "orders-api", "runtime": "python3.13", "role": role, "handler": "app.handler"}
    made |= {"timeout": 30, "memorySize": 512, "packageType": "Zip", "publish": False}
    made |= {"code": {"s3Bucket": "orchard-build-artifacts", "s3Key": "orders-api/<<h8.b>>.zip"}, "environment": {}}
    answer = {
        k: made[k] for k in ("functionName", "runtime", "role", "handler", "timeout", "memorySize", "packageType")
    }
    answer |= {
        "functionArn": f"{LAMBDA}orders-api",
        "codeSize": "<<#size>>",
        "codeSha256": "<<h64>>",
        "version": "$LATEST",
    }
    answer |= {"tracingConfig": {"mode": "PassThrough"}, "revisionId": "<<uuid.r>>", "state": "Pending"}
    answer |= {"stateReason": "The function is being created.", "stateReasonCode": "Creating", "environment": {}}
    answer |= {"architectures": ["arm64"], "ephemeralStorage": {"size": 512}, "lastModified": "<<iso>>"}
    add("lambda:CreateFunction20150331", False, made, response=answer, on=f"{LAMBDA}orders-api")
    code = {"functionName": "orders-api", "s3Bucket": "orchard-build-artifacts", "s3Key": "orders-api/<<h8.b>>.zip"}
    code |= {"publish": True, "dryRun": False}
    answer = answer | {"version": "<<num.v>>", "lastUpdateStatus": "InProgress", "state": "Active"}
    add("lambda:UpdateFunctionCode20150331v2", False, code, response=answer, on=f"{LAMBDA}orders-api")
    configuration = {"functionName": "orders-api", "environment": {}, "memorySize": 512, "role": role}
    add("lambda:UpdateFunctionConfiguration20150331v2", False, configuration, response=answer, on=f"{LAMBDA}orders-api")
    add(
        "lambda:PublishVersion20150331",
        False,
        {"functionName": "orders-api"},
        response=answer,
        on=f"{LAMBDA}orders-api",
    )
    add("lambda:GetFunction20150331v2", True, {"functionName": "orders-api"}, on=f"{LAMBDA}orders-api")
    add("lambda:GetFunctionConfiguration20150331v2", True, {"functionName": "orders-api"}, on=f"{LAMBDA}orders-api")
    add("lambda:ListFunctions20150331", True, {"maxItems": 50})


def delivery(add: Callable[..., None]) -> None:
    """What a pipeline calls: CloudFormation, ECR, CodePipeline."""
    add("cloudformation:DescribeStacks", True, {"stackName": "orders-api"}, on=STACK)
    add("cloudformation:ListStacks", True)
    add("cloudformation:GetTemplate", True, {"stackName": "orders-api", "templateStage": "Original"}, on=STACK)
    add("cloudformation:DescribeStackEvents", True, {"stackName": "orders-api"}, on=STACK)
    change = {"stackName": "orders-api", "changeSetName": "deploy-<<h8.c>>", "capabilities": ["CAPABILITY_NAMED_IAM"]}
    change |= {"changeSetType": "UPDATE", "includeNestedStacks": False, "clientToken": "<<uuid.c>>"}
    answer = {"id": f"{STACK.replace(':stack/', ':changeSet/')}/deploy-<<h8.c>>", "stackId": STACK}
    add("cloudformation:CreateChangeSet", False, change, response=answer, on=STACK)
    asked = {"stackName": "orders-api", "changeSetName": "deploy-<<h8.c>>"}
    add("cloudformation:ExecuteChangeSet", False, asked, on=STACK)
    add("cloudformation:DescribeChangeSet", True, asked, on=STACK)
    repository = "arn:aws:ecr:<<region>>:<<account>>:repository/orders-api"
    held = (resource("AWS::ECR::Repository", repository),)
    add("ecr:GetAuthorizationToken", True, {"registryIds": ["<<account>>"]})
    add("ecr:DescribeRepositories", True, {"repositoryNames": ["orders-api"]}, resources=held, on=repository)
    asked = {"registryId": "<<account>>", "repositoryName": "orders-api"}
    add("ecr:InitiateLayerUpload", False, asked, response={"uploadId": "<<uuid.u>>"}, resources=held, on=repository)
    seen = asked | {"layerDigests": ["sha256:<<h64>>"]}
    add("ecr:BatchCheckLayerAvailability", True, seen, resources=held, on=repository)
    part = asked | {"uploadId": "<<uuid.u>>", "partFirstByte": 0, "partLastByte": "<<#size>>"}
    add("ecr:UploadLayerPart", False, part, response={"uploadId": "<<uuid.u>>"}, resources=held, on=repository)
    layers = {"mediaType": "application/vnd.docker.image.rootfs.diff.tar.gzip", "size": "<<#size>>"}
    manifest = {"imageDigest": "sha256:<<h64>>", "imageTag": "<<h8.b>>"}
    put = asked | {"imageManifest": '{"schemaVersion":2}', "imageTag": "<<h8.b>>"}
    add("ecr:PutImage", False, put, response={"image": asked | {"imageId": manifest}}, resources=held, on=repository)
    add("ecr:BatchGetImage", True, asked | {"imageIds": [{"imageTag": "latest"}]}, resources=held, on=repository)
    whole = asked | {"uploadId": "<<uuid.u>>", "layerDigests": ["sha256:<<h64>>"]}
    add("ecr:CompleteLayerUpload", False, whole, response=layers, resources=held, on=repository)


def watching(add: Callable[..., None]) -> None:
    """Logs, metrics, trails, cost."""
    group = "arn:aws:logs:<<region>>:<<account>>:log-group:/aws/lambda/orders-api"
    add("logs:DescribeLogGroups", True, {"logGroupNamePrefix": "/aws/lambda/"}, api_version="20140328")
    add("logs:DescribeLogStreams", True, {"logGroupName": "/aws/lambda/orders-api", "limit": 50}, on=group)
    made = {"logGroupName": "/aws/lambda/orders-api", "logStreamName": "<<day>>/[$LATEST]<<h32>>"}
    add("logs:CreateLogStream", False, made, on=group, api_version="20140328")
    query = {"logGroupName": "/aws/lambda/orders-api", "queryString": "***", "startTime": "<<#epoch>>"}
    add("logs:StartQuery", True, query | {"endTime": "<<#epoch>>"}, response={"queryId": "<<uuid.q>>"}, on=group)
    add("logs:FilterLogEvents", True, {"logGroupName": "/aws/lambda/orders-api", "limit": 100}, on=group)
    add("monitoring:DescribeAlarms", True, {"maxRecords": 100}, api_version="2010-08-01")
    add("monitoring:GetDashboard", True, {"dashboardName": "orders"}, api_version="2010-08-01")
    add("monitoring:ListMetrics", True, {"namespace": "AWS/Lambda"}, api_version="2010-08-01")
    add(
        "monitoring:GetMetricData",
        True,
        {"startTime": "<<iso>>", "endTime": "<<iso>>", "scanBy": "TimestampDescending"},
    )
    trail = "arn:aws:cloudtrail:us-east-1:<<account>>:trail/orchard"
    add("cloudtrail:DescribeTrails", True, {"trailNameList": [], "includeShadowTrails": True})
    add("cloudtrail:GetTrailStatus", True, {"name": trail}, on=trail)
    add("cloudtrail:GetEventSelectors", True, {"trailName": trail}, on=trail)
    add("cloudtrail:LookupEvents", True, {"maxResults": 50})
    period = {"start": "<<day>>", "end": "<<day>>"}
    add("ce:GetCostAndUsage", True, {"timePeriod": period, "granularity": "DAILY", "metrics": ["UnblendedCost"]})
    add("budgets:DescribeBudgets", True, {"accountId": "<<account>>", "maxResults": 100})
    add("organizations:DescribeOrganization", True)
    add("organizations:ListAccounts", True)


def services(add: Callable[..., None]) -> None:
    """What AWS's own services and models do."""
    add("config:PutEvaluations", False, {"resultToken": "***", "testMode": False, "evaluations": []})
    add("config:DescribeConfigurationRecorders", True, {"configurationRecorderNames": []})
    add("bedrock:ListFoundationModels", True)
    add("bedrock:ListInferenceProfiles", True, {"maxResults": 100})
    add("sagemaker:ListTrainingJobs", True, {"maxResults": 50})
    add("sagemaker:DescribeTrainingJob", True, {"trainingJobName": "ranker-<<h8>>"})
    add("rds:DescribeDBInstances", True, {"maxRecords": 100})
    add("support:DescribeTrustedAdvisorChecks", True, {"language": "en"})
    rotated = {"keyId": "arn:aws:kms:<<region>>:<<account>>:key/4f0c6d1e-2b7a-4c58-9e13-5a7d90b1c2e4"}
    held = (resource("AWS::KMS::Key", rotated["keyId"]),)
    add("kms:RotateKey", False, None, resources=held, kind="AwsServiceEvent")
    add("ec2:BidEvictedEvent", False, None, kind="AwsServiceEvent")
