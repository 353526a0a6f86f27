"""The surface of Cloud Run in both of its wire forms: v2's messages, and the documents of Knative v1."""
