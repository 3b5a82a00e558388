"""Chat completions: client, messages and chunking of long texts."""
