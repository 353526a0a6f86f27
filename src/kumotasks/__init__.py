"""Kumo Tasks: the Cloud Tasks that you own."""

__version__ = "0.1.0"
