"""`kumo tasks`: queues, tasks, locations and encryption."""
