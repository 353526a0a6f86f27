"""The surface of Cloud Logging v2: entries, logs and their tail."""
