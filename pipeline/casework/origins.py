"""Who stands behind credentials that no user or role of the account asked for: certificates, pods, instances, people
of an app.

What the records have: IAM Roles Anywhere user guide ("Trust model": the source identity is the certificate's CN, the
session's name its serial number), EKS user guide ("Grant Pods access to AWS resources based on tags"), Cognito
developer guide ("Example Amazon Cognito events"), CloudTrail userIdentity element (ec2RoleDelivery,
webIdFederationData).
"""

from __future__ import annotations

import json
import re
from typing import Any

_ANYWHERE = "rolesanywhere.amazonaws.com"
_COGNITO = "cognito-identity.amazonaws.com"
_INSTANCE = re.compile(r"i-[0-9a-f]{8,17}")
# Session tags that EKS Pod Identity passes, in the order in which they are told.
_POD = {
    "kubernetes-service-account": "service account",
    "kubernetes-namespace": "namespace",
    "kubernetes-pod-name": "pod",
    "eks-cluster-name": "cluster",
}


def rank(call: dict[str, Any]) -> tuple[bool]:
    """Of two records of one session, STS's own and the service's that asked it, the service's tells more."""
    return (call["eventSource"] == "sts.amazonaws.com",)


def outside(call: dict[str, Any]) -> dict[str, Any] | None:
    """Kind, name and provider of who began a session, and words on it, where a call for credentials was not made by
    somebody of AWS himself; None for all others.
    """
    if call["eventSource"] == _ANYWHERE or call["invoked_by"] == _ANYWHERE:
        name = call["source_identity"] or "unknown"
        anchor = f" of the trust anchor {call['provider']}" if call["provider"] else ""
        return _found("certificate", name, f"; its holder showed the certificate {name}{anchor}", call["provider"])
    if call["eventSource"] == _COGNITO:
        provider = call["provider"] or "nobody: the identity is not authenticated"
        name = call["identity_id"] or "unknown"
        return _found("federated", name, f"; Cognito identity {name}, signed in with {provider}", call["provider"])
    if pod := _pod(call["tags"]):
        said = ", ".join(f"{word} {pod[tag]}" for tag, word in _POD.items() if tag in pod)
        account = pod.get("kubernetes-service-account", "unknown")
        return _found("pod", f"{pod.get('kubernetes-namespace', 'unknown')}/{account}", f"; for {said}", None)
    session = call["role_session"] or ""
    if call["principal_type"] == "AWSService" and _INSTANCE.fullmatch(session):
        return _found("service", session, f"; for the instance {session}", None)
    return None


def by_its_events(here: dict[str, Any]) -> dict[str, Any] | None:
    """The same where no record gave out the credentials, from what the session's own events say; None where nothing."""
    lacking = "no event of the lake gave out its credentials"
    name = here.get("source_identity") or ""
    if name.startswith("CN="):
        return _found("certificate", name, f"the source identity is that of a certificate, {name}; {lacking}", None)
    session = here.get("session_name") or ""
    if here.get("delivery") and _INSTANCE.fullmatch(session):
        version = "2" if here["delivery"] == "2.0" else "1"
        text = (
            f"the metadata service (version {version}) of the instance {session} delivered the credentials; {lacking}"
        )
        return _found("instance", session, text, None)
    if provider := here.get("provider"):
        return _found("federated", session or "unknown", f"the session is federated by {provider}; {lacking}", provider)
    return None


def _found(kind: str, name: str, text: str, provider: str | None) -> dict[str, Any]:
    return {"kind": kind, "name": name, "text": text, "provider": provider}


def _pod(tags: str | None) -> dict[str, str]:
    """The tags of EKS Pod Identity among session tags ([{"key": …, "value": …}, …]); none for what is no such list."""
    try:
        listed = json.loads(tags) if tags else []
    except (ValueError, RecursionError):
        return {}
    there = [each for each in listed if isinstance(each, dict)] if isinstance(listed, list) else []
    return {
        str(each.get("key")): str(each.get("value"))
        for each in there
        if each.get("key") in _POD and isinstance(each.get("value"), str)
    }
