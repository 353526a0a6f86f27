"""Where an instance learns who it is and gets its tokens, as on Cloud Run."""
