"""The surface of IAM: service accounts, their keys and policies, and the predefined roles."""
