"""Values: the parts of a session, the events of the engine, and the commands to it."""
