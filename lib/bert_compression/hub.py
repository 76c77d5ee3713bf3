"""Is the hub of models and data sets within reach?"""

import os
import socket
from functools import lru_cache
from urllib.parse import urlsplit


@lru_cache
def hub_answers() -> bool:
    """Is the hub within reach? Asked once a process, for at most three seconds."""
    from huggingface_hub import constants

    if constants.HF_HUB_OFFLINE:
        return False
    host = urlsplit(constants.ENDPOINT).hostname
    try:
        with socket.create_connection((host, 443), timeout=3):
            return True
    except OSError:
        return False


def use_hub_or_cache() -> None:
    """Where no hub answers, have its libraries look in their cache only: asking costs a minute a file."""
    if not hub_answers():
        os.environ["HF_HUB_OFFLINE"] = "1"
        import huggingface_hub.constants

        huggingface_hub.constants.HF_HUB_OFFLINE = True
