"""Cloud Run's nouns, pure: services, their templates and revisions, traffic, addresses, and how many instances run."""
