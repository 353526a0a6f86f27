"""The Cloud Tasks surface: its table of calls, and the conversion between messages and values."""
