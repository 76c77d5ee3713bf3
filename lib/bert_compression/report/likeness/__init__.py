"""Models held against each other: what they have in common of errors, neighbours, outliers and weaknesses,
beside chance and beside another seed of the same model."""
