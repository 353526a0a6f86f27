"""The kumo command."""
