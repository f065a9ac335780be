"""Sigma rules as DuckDB SQL over the view `events`.

    documents   YAML text → documents that know their lines, bounded in size, depth and aliases
    rules       documents → rules and correlations, or the line on why one is refused (pySigma parses)
    fields      a field's name → where its values lie: a column, a member of one, or inside JSON text
    values      one value with its modifiers → a test of one text
    conditions  the tree of tests → SQL that is never NULL, and what of it `eventSource` and `eventName` decide
    windows     matches in the order of time → what a correlation makes of them

A rule means what Sigma's specification says (sigma-specification, "Sigma Rules" and "Sigma Correlation Rules"); what
it leaves open is settled here: a field is met if any of its values is, a null member counts as absent, texts fold
their case, and an event's members are those of CloudTrail's record, besides the columns the lake works out.
"""
