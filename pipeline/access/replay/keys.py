"""Condition keys that an event tells: for each the SQL over `lake.events`, and the page that says what it means.

An expression gives a list: the key's values, an empty list where the key is known to be absent from the request, and
NULL where the event does not tell, which leaves a decision open. Source of the keys in `aws:`, unless a row says
otherwise: "AWS global condition context keys" (each key's "Availability"); of the members of a record: "CloudTrail
record contents" and "CloudTrail userIdentity element". `$forwarded` says that no service can have assumed the
principal, so that a service that calls as it passes on the principal's own request (a forward access session).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from pipeline.iam.operators import moment
from pipeline.iam.policy import Statement

# source_network is NULL for what is no address. A private address did not come over the internet: the key then names
# something the event does not.
_ADDRESS = r"""(source_network is not null and not regexp_matches(sourceIPAddress,
    '^(10\.|192\.168\.|172\.(1[6-9]|2\d|3[01])\.|100\.(6[4-9]|[7-9]\d|1[01]\d|12[0-7])\.|127\.|f[cd]|fe80|::1$)'))"""
_DIRECT = f"(vpcEndpointId is null and {_ADDRESS})"
_OWN = "(via_service is null and source_network is not null)"
_LONG_LIVED = "(access_key_id like 'AKIA%')"
_FEDERATED = "(userIdentity.sessionContext.webIdFederationData.federatedProvider is not null)"
_ATTRIBUTES = "userIdentity.sessionContext.attributes"
_SERVICE = "via_service like '%.amazonaws.com'"
_CALLS_ON = "('athena.amazonaws.com', 'cloudformation.amazonaws.com', 'dynamodb.amazonaws.com', 'kms.amazonaws.com')"


def _request(source: str, member: str) -> str:
    """A text of the request of one service; a request that lacks it was made without."""
    value = f"json_extract_string(requestParameters, '$.\"{member}\"')"
    return (
        f"case when eventSource <> '{source}.amazonaws.com' then [] when {value} is not null then [{value}]"
        " when requestParameters is not null then [] end"
    )


KEYS: dict[str, str] = {
    # Absent where the request came through a VPC endpoint; a service that calls has an address of its own.
    "aws:sourceip": f"case when vpcEndpointId is not null then [] when {_ADDRESS} then [sourceIPAddress] end",
    # Only there where the request came through a VPC endpoint.
    "aws:vpcsourceip": "case when vpcEndpointId is not null and source_network is not null then [sourceIPAddress]"
    f" when {_DIRECT} then [] end",
    "aws:sourcevpce": f"case when vpcEndpointId is not null then [vpcEndpointId] when {_DIRECT} then [] end",
    "aws:sourcevpc": f"case when {_DIRECT} then [] end",
    # CloudTrail puts services' names in its place, cuts it at 1 KB, and S3 sets it in brackets.
    "aws:useragent": "case when length(userAgent) < 1000 and userAgent <> 'AWS Internal'"
    r" and not regexp_matches(userAgent, '^\[|amazonaws\.com$') then [userAgent] end",
    "aws:requestedregion": "case when awsRegion is not null then [awsRegion] end",
    # "CloudTrail record contents": tlsDetails is there for requests made over TLS.
    "aws:securetransport": "case when tlsDetails.tlsVersion is not null then ['true'] end",
    # Not there for long-lived keys; federation has no MFA of AWS's ("Configuring MFA-protected API access").
    "aws:multifactorauthpresent": f"case when {_LONG_LIVED} then [] when {_FEDERATED} then null"
    f" when {_ATTRIBUTES}.mfaAuthenticated in ('true', 'false') then [{_ATTRIBUTES}.mfaAuthenticated] end",
    "aws:multifactorauthage": f"case when {_LONG_LIVED} or {_ATTRIBUTES}.mfaAuthenticated = 'false' then [] end",
    # "IAM policy elements: Variables and tags", the table of principal key values: AROA…:session for a role.
    "aws:userid": "case when principal_id like 'AIDA%' then [principal_id] when principal_id like 'AROA%' and"
    " userIdentity.principalId like principal_id || ':%' then [userIdentity.principalId] end",
    "aws:sourceidentity": "case when userIdentity.sessionContext.sourceIdentity is not null"
    " then [userIdentity.sessionContext.sourceIdentity] end",
    # True only for forward access sessions; a service role's calls carry invokedBy too.
    "aws:viaawsservice": f"case when {_OWN} then ['false'] when $forwarded and {_SERVICE} then ['true'] end",
    # The event names the last of the chain only.
    "aws:calledvia": f"case when {_OWN} then [] end",
    "aws:calledviafirst": f"case when {_OWN} then [] end",
    "aws:calledvialast": f"case when {_OWN} then [] when $forwarded and via_service in {_CALLS_ON}"
    " then [via_service] end",
    # "AWS KMS condition keys", kms:ViaService: SERVICE.REGION.amazonaws.com.
    "kms:viaservice": f"case when eventSource <> 'kms.amazonaws.com' or {_OWN} then [] when $forwarded and {_SERVICE}"
    " then [replace(via_service, '.amazonaws.com', '.' || awsRegion || '.amazonaws.com')] end",
    # "Actions, resources, and condition keys for Amazon S3"; events hold the query and the headers.
    "s3:prefix": _request("s3", "prefix"),
    "s3:delimiter": _request("s3", "delimiter"),
    "s3:max-keys": _request("s3", "max-keys"),
    "s3:versionid": _request("s3", "versionId"),
    "s3:x-amz-acl": _request("s3", "x-amz-acl"),
    "s3:x-amz-copy-source": _request("s3", "x-amz-copy-source"),
    "s3:x-amz-metadata-directive": _request("s3", "x-amz-metadata-directive"),
    "s3:x-amz-server-side-encryption": _request("s3", "x-amz-server-side-encryption"),
    "s3:x-amz-server-side-encryption-aws-kms-key-id": _request("s3", "x-amz-server-side-encryption-aws-kms-key-id"),
    "s3:x-amz-storage-class": _request("s3", "x-amz-storage-class"),
    # "Available keys for AWS STS".
    "sts:externalid": _request("sts", "externalId"),
    "sts:rolesessionname": _request("sts", "roleSessionName"),
    # "Actions, resources, and condition keys for AWS Identity and Access Management".
    "iam:policyarn": _request("iam", "policyArn"),
    "iam:permissionsboundary": _request("iam", "permissionsBoundary"),
    "ec2:region": "case when awsRegion is not null then [awsRegion] end",
    "ec2:instancetype": _request("ec2", "instanceType"),
}
# Keys that are moments. A policy compares them with fixed ones, so that calls between the same two of those are alike.
TIMES: dict[str, str] = {
    "aws:currenttime": "eventTime",
    "aws:epochtime": "eventTime",
    # When the session's credentials were issued; long-lived keys were not.
    "aws:tokenissuetime": f"try_cast({_ATTRIBUTES}.creationDate as timestamptz)",
}
_FIRST = datetime(1970, 1, 1, tzinfo=UTC)
_STEP = timedelta(seconds=1)


def moments(statements: Iterable[Statement]) -> list[datetime] | None:
    """The moments that statements compare times with, ascending; None where times are compared in another way."""
    found: set[datetime] = set()
    for statement in statements:
        for operator, keys in statement.condition.items():
            base = operator.lower().rpartition(":")[2]
            for key, given in keys.items() if isinstance(keys, Mapping) else ():
                if key.lower() not in TIMES or base == "null":
                    continue
                listed = [moment(str(each)) for each in (given if isinstance(given, list) else [given])]
                if not base.startswith(("date", "numeric")) or None in listed:
                    return None
                found |= {each for each in listed if each}
    return sorted(found)


def column(key: str) -> str | None:
    """The expression of a key in lower case, None for one that no event tells.

    A moment becomes its place among `$moments`: twice the number of those before it, one more where it is one.
    """
    if key in TIMES:
        at = TIMES[key]
        return (
            f"case when {at} is not null then [(2 * len(list_filter($moments, lambda each: each < {at}))"
            f" + cast(list_contains($moments, {at}) as integer))::varchar]"
            + (f" when {_LONG_LIVED} then [] end" if key == "aws:tokenissuetime" else " end")
        )
    return KEYS.get(key)


def value(key: str, given: Sequence[str], known: Sequence[datetime]) -> Any:
    """A column's list as the evaluator takes it: texts, or None for a key that is absent."""
    if not given:
        return None
    if key not in TIMES:
        return list(given)
    at = _between(int(given[0]), known)
    return str(at.timestamp()) if key == "aws:epochtime" else at.isoformat()


def _between(place: int, known: Sequence[datetime]) -> datetime:
    """A moment of that place among the known ones."""
    before = place // 2
    if place % 2:
        return known[before]
    if not known:
        return _FIRST
    if before == len(known):
        return known[-1] + _STEP
    return known[before] - _STEP if before == 0 else known[before - 1] + (known[before] - known[before - 1]) / 2
