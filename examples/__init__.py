"""Applications built on Kumo Tasks."""
