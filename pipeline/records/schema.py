"""The lake's tables as Arrow schemas: the one place that names their columns.

`events` keeps CloudTrail's own names in the shape of AWS's documented Athena table ("Create a table for
CloudTrail logs in Athena"); members AWS leaves open are JSON text; columns we derive are in snake_case.
"""

from __future__ import annotations

import pyarrow as pa

TEXT = pa.string()
TIME = pa.timestamp("us", tz="UTC")


def _texts(*names: str) -> list[tuple[str, pa.DataType]]:
    return [(name, TEXT) for name in names]


SESSION_ISSUER = pa.struct(_texts("type", "principalId", "arn", "accountId", "userName"))
SESSION_CONTEXT = pa.struct(
    [
        ("attributes", pa.struct(_texts("mfaAuthenticated", "creationDate"))),
        ("sessionIssuer", SESSION_ISSUER),
        ("ec2RoleDelivery", TEXT),
        ("webIdFederationData", pa.struct([("federatedProvider", TEXT), ("attributes", pa.map_(TEXT, TEXT))])),
        ("sourceIdentity", TEXT),
    ]
)
USER_IDENTITY = pa.struct(
    [
        *_texts("type", "principalId", "arn", "accountId", "invokedBy", "accessKeyId", "userName"),
        ("onBehalfOf", pa.struct(_texts("userId", "identityStoreArn"))),
        ("sessionContext", SESSION_CONTEXT),
        *_texts("identityProvider", "credentialId"),
    ]
)
RESOURCES = pa.list_(pa.struct(_texts("ARN", "accountId", "type", "ARNPrefix")))
ADDENDUM = pa.struct(_texts("reason", "updatedFields", "originalRequestID", "originalEventID"))
TLS_DETAILS = pa.struct(_texts("tlsVersion", "cipherSuite", "clientProvidedHostHeader"))

# Members whose content AWS leaves open: kept as JSON text, to the letter.
OPEN = ("requestParameters", "responseElements", "additionalEventData", "serviceEventDetails", "edgeDeviceDetails")

RECORD = pa.schema(
    [
        ("eventVersion", TEXT),
        ("userIdentity", USER_IDENTITY),
        ("eventTime", TIME),
        *_texts("eventSource", "eventName", "awsRegion", "sourceIPAddress", "userAgent", "errorCode", "errorMessage"),
        *_texts("requestParameters", "responseElements", "additionalEventData", "requestID", "eventID"),
        ("readOnly", pa.bool_()),
        ("resources", RESOURCES),
        *_texts("eventType", "apiVersion"),
        ("managementEvent", pa.bool_()),
        *_texts("recipientAccountId", "serviceEventDetails", "sharedEventID", "vpcEndpointId", "vpcEndpointAccountId"),
        ("eventCategory", TEXT),
        ("addendum", ADDENDUM),
        *_texts("sessionCredentialFromConsole", "edgeDeviceDetails"),
        ("tlsDetails", TLS_DETAILS),
    ]
)

# What Trailsift works out for each event. `account_id` is the recipient's account (else the caller's);
# `path_unknown` marks an assumed role whose record did not say under which path the role lives;
# `record_sha256` is the identity of a record that has no eventID (version 1.0), null otherwise.
DERIVED = pa.schema(
    [
        *_texts("principal_arn", "principal_type", "principal_id", "session_name", "access_key_id"),
        ("path_unknown", pa.bool_()),
        *_texts("account_id", "service", "outcome", "via_service", "source_network", "record_sha256", "extra"),
        ("source_object", TEXT),
        ("ingested_at", TIME),
        ("batch_id", TEXT),
    ]
)

# Columns that say where a row came from, not what happened: they differ between equal lakes.
PROVENANCE = ("source_object", "ingested_at", "batch_id")

EVENTS = pa.schema([*RECORD, *DERIVED])

LEDGER = pa.schema(
    [
        *_texts("uri", "etag"),
        ("size", pa.int64()),
        *_texts("sha256", "status", "reason"),
        *[(name, pa.int64()) for name in ("records_read", "events_new", "duplicates", "quarantined", "other_tables")],
        ("ingested_at", TIME),
        ("batch_id", TEXT),
    ]
)

# The roll-up that reports read. A row is a partial sum: several may share a key, so sum `count`,
# take the least `first_seen` and the greatest `last_seen` (the view `usage` does).
USAGE_KEYS = (
    *("day", "account_id", "awsRegion", "principal_arn", "principal_type", "principal_id", "access_key_id"),
    *("eventSource", "eventName", "eventType", "eventCategory", "readOnly", "outcome", "via_service", "request"),
)
USAGE = pa.schema(
    [
        *[(k, pa.date32() if k == "day" else pa.bool_() if k == "readOnly" else TEXT) for k in USAGE_KEYS],
        ("count", pa.int64()),
        ("first_seen", TIME),
        ("last_seen", TIME),
        ("sample_event_id", TEXT),
        ("batch_id", TEXT),
    ]
)

# What each principal is wont to do, one row a day and thing; see `pipeline.detect.baselines.habits`. A day's rows are
# replaced as one. `access_key_id` is a long-lived key; on rows of `moved_session` the session's.
HABITS = pa.schema(
    [
        ("day", pa.date32()),
        *_texts("account_id", "principal_arn", "principal_type", "access_key_id", "attribute", "value"),
        *[(name, pa.int64()) for name in ("ok", "denied", "error")],
        ("first_seen", TIME),
        ("last_seen", TIME),
    ]
)

# `kind` is record, object or conflicting_copy; `raw` is the refused record's own bytes (null for an object,
# which is read again from its place). A later row with status `released` closes an earlier one of its id.
QUARANTINE = pa.schema(
    [
        *_texts("id", "kind", "status", "place", "uri", "reason"),
        ("raw", pa.binary()),
        ("quarantined_at", TIME),
        ("batch_id", TEXT),
    ]
)

# Digests, insights and aggregated summaries: the record whole, and what their readers select by.
OTHER = pa.schema(
    [
        *_texts("id", "account_id", "awsRegion"),
        ("start_time", TIME),
        ("end_time", TIME),
        ("record", TEXT),
        ("source_object", TEXT),
        ("ingested_at", TIME),
        ("batch_id", TEXT),
    ]
)

# One row an item of IAM at the time of a snapshot; `item` is AWS's own JSON for it.
IAM_SNAPSHOTS = pa.schema(
    [
        ("snapshot_id", TEXT),
        ("taken_at", TIME),
        *_texts("account_id", "kind", "arn", "name", "item", "source_object"),
        ("imported_at", TIME),
    ]
)

# How far a place was listed for good: see `pipeline.lake.listings`.
LISTINGS = pa.schema([("mark", TEXT), ("through", pa.date32()), ("listed_at", TIME)])

# What sinks were told of findings, one row a delivery; see `pipeline.detect.sinks`. `state` is a digest of what was
# told, or the status (muted, resolved) in which there was nothing to tell.
DELIVERIES = pa.schema([*_texts("sink", "finding_id", "state", "change"), ("delivered_at", TIME)])

# What `trailsift verify` found, one row a run and chain of digests; see `pipeline.assurance.integrity`.
# The rows of a run in the two tables below count once the run stands here.
VERIFICATIONS = pa.schema(
    [
        *_texts("run_id", "chain", "account_id", "awsRegion", "trail", "source"),
        *[(name, TIME) for name in ("verified_at", "from_time", "to_time")],
        *[(name, pa.int64()) for name in ("digests_checked", "digests_valid", "digests_unsigned")],
        *[(name, pa.int64()) for name in ("logs_listed", "logs_in_lake", "logs_valid", "problems", "gaps")],
        ("keys", pa.list_(TEXT)),
        ("verdict", TEXT),
    ]
)
# One row a digest looked at: logs are counted, and named only where something is wrong with one.
VERIFIED_DIGESTS = pa.schema(
    [
        *_texts("run_id", "chain", "object", "sha256", "status"),
        ("start_time", TIME),
        ("end_time", TIME),
        *[(name, pa.int64()) for name in ("logs_listed", "logs_in_lake", "logs_valid")],
    ]
)
VERIFICATION_PROBLEMS = pa.schema(
    [*_texts("run_id", "chain", "kind", "object", "detail"), ("from_time", TIME), ("to_time", TIME)]
)

# The history of findings, one row a change and never updated: see `pipeline.detect.store`. `number` counts the changes
# of one finding from 1. Where the finding's own members changed, `finding` has them as JSON text, all but the ids of
# its events: those are the first `kept` ids as they were before the change, then `event_ids`.
FINDINGS = pa.schema(
    [
        ("finding_id", TEXT),
        ("number", pa.int64()),
        ("at", TIME),
        *_texts("change", "status", "actor", "reason", "owner"),
        ("until", TIME),
        *_texts("successor", "batch"),
        ("sequence", pa.int64()),
        ("finding", TEXT),
        ("kept", pa.int64()),
        ("event_ids", pa.list_(TEXT)),
    ]
)
# What is muted, by whom and until when: `rule`, `principal` and `account` are patterns, `finding_id` names one finding.
# A later row with change `unmuted` ends the mute of its id before its time.
MUTES = pa.schema(
    [
        *_texts("mute_id", "change"),
        ("at", TIME),
        *_texts("actor", "reason", "owner"),
        ("until", TIME),
        *_texts("rule", "principal", "account", "finding_id"),
    ]
)
# Which batches of events have been examined by which rules, one row a run. A `pack` is a set of rules; only its first
# row says which: `rules` by their keys, and the hashes of what each asks.
EXAMINED = pa.schema(
    [
        ("number", pa.int64()),
        ("examined_at", TIME),
        ("pack", TEXT),
        *[(name, pa.list_(TEXT)) for name in ("rules", "hashes", "batches")],
        ("through", TIME),
        ("snapshot_id", TEXT),
        ("sequence", pa.int64()),
    ]
)
# What investigators wrote down of a case, one row an entry and never changed: see `pipeline.casework.casebook`.
# `number` counts the entries of a case from 1. `subject` is the seed, or the id of the event that was pinned.
CASE_ENTRIES = pa.schema(
    [("case", TEXT), ("number", pa.int64()), ("at", TIME), *_texts("actor", "change", "subject", "text")]
)

TABLES: dict[str, pa.Schema] = {
    "events": EVENTS,
    "ledger": LEDGER,
    "usage": USAGE,
    "habits": HABITS,
    "quarantine": QUARANTINE,
    "digests": OTHER,
    "insights": OTHER,
    "aggregated": OTHER,
    "iam_snapshots": IAM_SNAPSHOTS,
    "listings": LISTINGS,
    "deliveries": DELIVERIES,
    "verifications": VERIFICATIONS,
    "verified_digests": VERIFIED_DIGESTS,
    "verification_problems": VERIFICATION_PROBLEMS,
    "findings": FINDINGS,
    "mutes": MUTES,
    "examined": EXAMINED,
    "case_entries": CASE_ENTRIES,
}

# Tables whose rows come with a commit of `events` and are rolled forward from it (`pipeline.lake.commit`).
# Any other table beside `events` stands alone and has commits of its own.
# `habits` is made of `events`, a day at a time, when somebody asks for it.
FOLLOWING = ("ledger", "usage", "quarantine", "digests", "insights", "aggregated")

# Tables whose files hold the rows of one day each: column by which they are cut.
BY_DAY = {"events": "eventTime", "habits": "day"}
