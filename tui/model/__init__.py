"""Values: what a session is made of, what the engine tells and what may be asked of it."""
