"""Metrics, tables and figures: pure functions of a store's files."""
