"""Calls on things that hold data: S3, KMS, Parameter Store, Secrets Manager, DynamoDB, SQS, Athena, Glue."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .calls import resource, s3_extra
from .world import ARTIFACTS, CONFIG_BUCKET, EXPORTS, TRAIL_BUCKET

DATA_KEY = "arn:aws:kms:<<region>>:<<account>>:key/4f0c6d1e-2b7a-4c58-9e13-5a7d90b1c2e4"
SSM_KEY = "arn:aws:kms:<<region>>:<<account>>:key/91d7a3b2-6c40-4e8f-b5d9-0e2f4a6c8b17"
ORDERS = "arn:aws:dynamodb:<<region>>:<<account>>:table/orders"


def register(add: Callable[..., None]) -> None:
    """Add this module's calls to the table."""
    buckets(add)
    objects(add)
    keys_and_secrets(add)
    tables_and_queues(add)
    analytics(add)


def bucket_call(add: Callable[..., None], name: str, bucket: str, variant: str, query: str, **more: Any) -> None:
    """Register a call on a bucket; `query` is the sub-resource that S3 shows as an empty member."""
    arn = f"arn:aws:s3:::{bucket}"
    host = f"{bucket}.s3.<<region>>.amazonaws.com"
    params = {"bucketName": bucket, "Host": host} | ({query: ""} if query else {}) | more.pop("params", {})
    read = name.startswith(("Get", "List", "Head"))
    add(f"s3:{name}@{variant}", read, params, resources=(resource("AWS::S3::Bucket", arn),), on=arn, **more)


def buckets(add: Callable[..., None]) -> None:
    """Calls on buckets: management events."""
    add("s3:ListBuckets", True, {"Host": "s3.<<region>>.amazonaws.com"})
    for variant, bucket in (("exports", EXPORTS), ("artifacts", ARTIFACTS), ("trail", TRAIL_BUCKET)):
        bucket_call(add, "GetBucketPolicy", bucket, variant, "policy")
        bucket_call(add, "GetBucketAcl", bucket, variant, "acl")
        bucket_call(add, "GetBucketEncryption", bucket, variant, "encryption")
        bucket_call(add, "GetBucketLocation", bucket, variant, "location")
        bucket_call(add, "GetBucketVersioning", bucket, variant, "versioning")
    bucket_call(add, "GetBucketAcl", CONFIG_BUCKET, "config", "acl")
    bucket_call(add, "GetBucketLocation", "orchard-campaign-2023", "gone", "location")
    tags = {"Tagging": {"TagSet": {"Tag": [{"Key": "release", "Value": "<<h8.release>>"}]}}}
    bucket_call(add, "PutBucketTagging", ARTIFACTS, "artifacts", "tagging", params=tags)


def object_call(add: Callable[..., None], name: str, key: str, moved: str, variant: str, **more: Any) -> None:
    """Register a data event on an object; `moved` names the member that counts its bytes."""
    bucket = f"arn:aws:s3:::{EXPORTS}"
    params = {"bucketName": EXPORTS, "Host": f"{EXPORTS}.s3.<<region>>.amazonaws.com", "key": key}
    extra = s3_extra() | {moved: "<<#size>>", "SSEApplied": "SSE_KMS"}
    more.setdefault("response", None)
    resources = ({"type": "AWS::S3::Object", "ARN": f"{bucket}/{key}"}, resource("AWS::S3::Bucket", bucket))
    read = name.startswith(("Get", "Head"))
    add(f"s3:{name}@{variant}", read, params, resources=resources, on=f"{bucket}/{key}", extra=extra, data=True, **more)


def objects(add: Callable[..., None]) -> None:
    """Data events of the one bucket that has them switched on."""
    written = {"x-amz-server-side-encryption": "aws:kms", "x-amz-version-id": "<<h32>>"}
    object_call(add, "GetObject", "raw/<<day>>/orders-<<part.o>>.parquet", "bytesTransferredOut", "raw")
    object_call(
        add, "PutObject", "curated/<<day>>/orders-<<part.o>>.parquet", "bytesTransferredIn", "curated", response=written
    )
    object_call(add, "GetObject", "curated/<<day>>/orders-<<part.o>>.parquet", "bytesTransferredOut", "curated")
    object_call(
        add, "PutObject", "reports/<<day>>/customers-<<h8.o>>.csv.gz", "bytesTransferredIn", "report", response=written
    )
    object_call(add, "GetObject", "reports/<<day>>/customers-<<h8.o>>.csv.gz", "bytesTransferredOut", "report")
    object_call(add, "HeadObject", "reports/<<day>>/customers-<<h8.o>>.csv.gz", "bytesTransferredOut", "report")
    object_call(add, "DeleteObject", "tmp/<<uuid.o>>", "bytesTransferredIn", "tmp")
    bucket = f"arn:aws:s3:::{EXPORTS}"
    for variant, prefix in (("raw", "raw/<<day>>/"), ("curated", "curated/"), ("report", "reports/"), ("all", "")):
        add(
            f"s3:ListObjects@{variant}",
            True,
            {"bucketName": EXPORTS, "Host": f"{EXPORTS}.s3.<<region>>.amazonaws.com", "list-type": "2"}
            | {"prefix": prefix, "encoding-type": "url"},
            resources=(
                {"type": "AWS::S3::Object", "ARNPrefix": f"{bucket}/{prefix}"},
                resource("AWS::S3::Bucket", bucket),
            ),
            on=bucket,
            data=True,
        )


def keys_and_secrets(add: Callable[..., None]) -> None:
    """KMS, Parameter Store, Secrets Manager."""
    key = (resource("AWS::KMS::Key", DATA_KEY),)
    ssm = (resource("AWS::KMS::Key", SSM_KEY),)
    parameter = "arn:aws:ssm:<<region>>:<<account>>:parameter"
    secret = "arn:aws:secretsmanager:<<region>>:<<account>>:secret:orders/db-Xy4TqA"
    context = {"aws:s3:arn": f"arn:aws:s3:::{EXPORTS}"}
    symmetric = {"encryptionAlgorithm": "SYMMETRIC_DEFAULT"}
    add(
        "kms:Decrypt@data",
        True,
        symmetric | {"encryptionContext": context, "keyId": DATA_KEY},
        resources=key,
        on=DATA_KEY,
    )
    generate = {"keyId": DATA_KEY, "encryptionContext": context, "keySpec": "AES_256"}
    add("kms:GenerateDataKey@data", True, generate, resources=key, on=DATA_KEY)
    held = {"encryptionContext": {"PARAMETER_ARN": f"{parameter}/web/db-password"}}
    add("kms:Decrypt@ssm", True, symmetric | held, resources=ssm, on=SSM_KEY)
    held = {"encryptionContext": {"SecretARN": secret, "SecretVersionId": "0d6f7c1a-5e92-4b38-8c47-a1b2c3d4e5f6"}}
    add("kms:Decrypt@secret", True, symmetric | held, resources=ssm, on=SSM_KEY)
    add("kms:DescribeKey", True, {"keyId": DATA_KEY}, resources=key, on=DATA_KEY)
    add("kms:ListAliases", True, {"limit": 100})
    add("kms:ListKeys", True)
    for variant, name in (("web", "/web/db-password"), ("worker", "/worker/queue-url"), ("feature", "/flags/rollout")):
        add(f"ssm:GetParameter@{variant}", True, {"name": name, "withDecryption": True}, on=parameter + name)
    add("ssm:DescribeParameters", True, {"maxResults": 50})
    about = {"instanceId": "<<session>>", "agentVersion": "3.3.3050.0", "agentStatus": "Active"}
    about |= {"platformType": "Linux", "platformName": "Amazon Linux", "platformVersion": "2023"}
    about |= {"iPAddress": "<<ip>>", "agentName": "amazon-ssm-agent", "availabilityZone": "<<region>>a"}
    add("ssm:UpdateInstanceInformation", False, about, on="arn:aws:ec2:<<region>>:<<account>>:instance/<<session>>")
    add("ssm:ListInstanceAssociations", True, {"instanceId": "<<session>>", "maxResults": 20})
    add("secretsmanager:GetSecretValue", True, {"secretId": "orders/db"}, on=secret)
    add("secretsmanager:ListSecrets", True, {"maxResults": 100})


def tables_and_queues(add: Callable[..., None]) -> None:
    """DynamoDB's and SQS's management calls; item and message calls are data events that are not logged here."""
    table = (resource("AWS::DynamoDB::Table", ORDERS),)
    add("dynamodb:DescribeTable", True, {"tableName": "orders"}, resources=table, on=ORDERS, api_version="2012-08-10")
    add("dynamodb:DescribeTimeToLive", True, {"tableName": "orders"}, resources=table, on=ORDERS)
    add("dynamodb:ListTables", True, {"limit": 100})
    url = "https://sqs.<<region>>.amazonaws.com/<<account>>/payments"
    queue = "arn:aws:sqs:<<region>>:<<account>>:payments"
    add("sqs:GetQueueAttributes", True, {"attributeNames": ["All"], "queueUrl": url}, on=queue)
    add("sqs:GetQueueUrl", True, {"queueName": "payments"}, on=queue)
    add("sqs:ListQueues", True, {"maxResults": 1000})
    topics = "arn:aws:sns:<<region>>:<<account>>:payment-events"
    add("sns:GetTopicAttributes", True, {"topicArn": topics}, on=topics)
    add("sns:ListTopics", True)


def analytics(add: Callable[..., None]) -> None:
    """Athena and Glue."""
    group = "arn:aws:athena:<<region>>:<<account>>:workgroup/analysts"
    started = {"workGroup": "analysts", "queryString": "***OMITTED***", "clientRequestToken": "<<uuid.token>>"}
    started |= {"queryExecutionContext": {"database": "orders"}}
    started |= {"resultConfiguration": {"outputLocation": f"s3://{EXPORTS}/athena/"}}
    add("athena:StartQueryExecution", False, started, response={"queryExecutionId": "<<uuid.q>>"}, on=group)
    add("athena:GetQueryExecution", True, {"queryExecutionId": "<<uuid.q>>"}, on=group)
    add("athena:GetQueryResults", True, {"queryExecutionId": "<<uuid.q>>", "maxResults": 1000}, on=group)
    catalog = "arn:aws:glue:<<region>>:<<account>>:catalog"
    add("glue:GetTable", True, {"databaseName": "orders", "name": "orders_curated"}, on=catalog)
    add("glue:GetDatabases", True, {"maxResults": 100}, on=catalog)
