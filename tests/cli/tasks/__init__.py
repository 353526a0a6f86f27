"""Tests of kumotasks.cli.tasks."""
