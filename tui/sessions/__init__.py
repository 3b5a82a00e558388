"""Stored sessions: recordings, journals, metadata, search and export."""
