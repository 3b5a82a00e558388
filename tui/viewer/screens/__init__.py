"""Screens: the dashboard, the past session, and their dialogs."""
