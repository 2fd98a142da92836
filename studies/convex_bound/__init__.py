"""Experiments with the convex bound, after Schaipp et al. 2025 (arXiv 2501.18965)."""
