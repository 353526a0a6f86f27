"""The IAM Credentials surface: its table of calls, and their messages."""
