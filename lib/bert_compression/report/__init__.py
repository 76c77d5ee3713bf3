"""What the reader sees: reported values beside measured ones, figures, claims. Draws only from records."""
