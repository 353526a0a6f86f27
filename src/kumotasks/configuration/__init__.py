"""What an operator writes down before a start, read and judged: kumo.toml and App Engine's queue.yaml. Pure."""
