"""Running sessions without a screen: streams of lines, and transcription of files."""
