"""Settings: their schema, how they are loaded, edited and shown.

The config file is flat: groups (audio, LLM, …) order what `livegist config show`, the settings screen and the
documentation show, and are not tables of the file.
"""
