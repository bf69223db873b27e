"""What a stranger's code says, as it can be kept and shown."""

LONGEST = 300


def storable(text: object) -> str:
    """Return a text without what no database takes: the character 0, halves of characters."""
    return str(text).replace("\0", "").encode("utf-8", "replace").decode()[:LONGEST]


def sentence_of(fault: BaseException) -> str:
    """Return an error's class and text; a stranger's error may not even have one."""
    try:
        said = str(fault)
    except Exception:  # noqa: BLE001  a stranger's own class of errors
        said = "it has no text"
    return storable(f"{type(fault).__name__}: {said}")
