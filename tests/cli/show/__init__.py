"""Tests of kumotasks.cli.show."""
