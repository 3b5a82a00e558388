"""Chat completions: what is asked of an LLM and when."""
