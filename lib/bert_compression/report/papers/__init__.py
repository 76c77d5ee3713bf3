"""Each paper's tables and claims, as data."""
