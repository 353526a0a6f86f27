"""Log entries, the only wording of log lines, and Google's filter language."""
