"""Checks, ingests, holds, imports, rebuilds and verifies releases. Start with `check`, then read `ingest`."""
