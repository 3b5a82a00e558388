"""Audio input and output: sources, levels, the recording, playback."""
