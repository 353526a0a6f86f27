"""What callers ask of private workers: services, revisions, operations; as whom they run, and what may be run."""
