"""`kumo iam`, but for `kumo iam explain`: service accounts, their keys, roles and policies."""
