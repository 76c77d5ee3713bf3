"""What the attacks behind a table knew about words, and what stands in for what the paper used."""

from collections.abc import Mapping, Sequence

from bert_compression.attacks.resources import BuiltinResources, FolderResources, GenuineResources
from bert_compression.report.shown import Shown

REPLACES = {kind.name: kind.replaces for kind in (GenuineResources, FolderResources, BuiltinResources)}


def word_resources(sources: Mapping[str, Sequence[Mapping]]) -> Shown:
    """For each source the level of word resources that its attacks used, and what these replace."""
    lines = []
    for source, records in sources.items():
        attacks = [record for record in records if record["kind"] == "attack"]
        for level in sorted({record["params"]["resources"] for record in attacks}):
            replaced = REPLACES[level]
            lines.append(
                f"- *{source}* was attacked with the word resources `{level}`" + (":" if replaced else ".")
            )
            lines += [f"  - instead of the {line}" for line in replaced]
    text = "\n".join(lines) or "No attack has been run."
    return Shown(text, markdown=text)


def word_guessers(sources: Mapping[str, Sequence[Mapping]]) -> Shown:
    """For each source the masked language model that guessed words for BERT-ATTACK, and what its head was
    trained on where that was here. From records of the kind "masked_lm"."""
    lines = []
    for source, records in sources.items():
        for record in records:
            if record["kind"] != "masked_lm" or record["status"] != "ok":
                continue
            encoder, data = record["params"]["encoder"], record["data"]
            head = "with its own masked-word head"
            if data:
                head = (
                    f"under a masked-word head that was trained here on {data['rows']:,} texts of "
                    f"{record['params']['task']}, without their labels"
                )
            lines.append(f"- *{source}*: words were guessed by `{encoder}`, {head}.")
    text = "\n".join(lines) or "No word has been guessed."
    return Shown(text, markdown=text)
