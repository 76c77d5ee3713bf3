"""From notebooks and pages to the book: executes, stages, renders."""
