"""The door before private workers: who comes in, and how a request travels to an instance and back."""
