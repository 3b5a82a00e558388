"""The wire to a Streaming v3 endpoint."""
