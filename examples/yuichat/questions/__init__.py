"""Questions that a document answers, made from its text; it knows no queue, no database and no web framework."""
