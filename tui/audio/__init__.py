"""Sound in: sources, their level, and the recording that is the queue."""
