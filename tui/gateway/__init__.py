"""`livegist serve`: our own Streaming v3 and chat completions endpoint."""
