"""How results are shown: formats, projections, filters and orders, as people know them from gcloud."""
