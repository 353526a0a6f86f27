"""Tests of kumotasks.cli.iam."""
