"""`kumo run`: services, their revisions and logs, in gcloud's words."""
