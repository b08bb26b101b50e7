"""Tests of newsletter/tracking."""
