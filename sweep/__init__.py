"""The plan of a comparison, the store of its runs, and what trains them."""
