"""A small English whose meaning is known: a lexicon, statements and what follows from them, and texts that
say them. Book: data/built_in_english."""
