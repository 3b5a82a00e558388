"""Presentation without a toolkit: view model, formatting, meter ballistics; shared by dashboard and line interface."""
