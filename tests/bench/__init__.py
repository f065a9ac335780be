"""Ingest measured against its peers: `run.py` is the command, `peers/` has one file a peer."""
