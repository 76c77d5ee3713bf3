"""Who guessed the words of an attack, as it stands under its table."""

from bert_compression.report.resources import word_guessers


def test_the_masked_language_model_is_named_with_what_it_learnt_from(record):
    def guesser(encoder, rows, **others):
        data = {"source": "folder", "digest": "texts", "rows": rows} if rows else None
        params = {"encoder": encoder, "task": "imdb"}
        return record("masked_lm", "masked_lm", data=data, params=params, **others)

    sources = {
        "small": [record("weakness", "tiny"), guesser("all-MiniLM-L6-v2", 5000)],
        "paper": [guesser("bert-base-uncased", None), guesser("x", 1, status="failed", error="died")],
    }
    assert word_guessers(sources).text.splitlines() == [
        "- *small*: words were guessed by `all-MiniLM-L6-v2`, under a masked-word head that was trained here "
        "on 5,000 texts of imdb, without their labels.",
        "- *paper*: words were guessed by `bert-base-uncased`, with its own masked-word head.",
    ]
    assert word_guessers({"small": []}).text == "No word has been guessed."
