"""Client side of Streaming v3: connections, reconnecting, turn numbering."""
