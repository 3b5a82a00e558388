"""Widgets of the dashboard and its dialogs."""
