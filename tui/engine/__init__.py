"""The engine: owns everything that must not be lost, and knows no screen."""
