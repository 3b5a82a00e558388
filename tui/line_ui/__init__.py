"""The dashboard as lines: for screen readers, pipes, bad lines and terminals that cannot be painted on."""
