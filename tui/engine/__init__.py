"""Engine process: records, transcribes and stores sessions, and serves them to viewers."""
