"""The strict JSON door as Django REST framework wants it; apart, for it is loaded first of all."""

import re
from collections.abc import Mapping
from typing import Any

from rest_framework.parsers import BaseParser

from mystic.lib import strict_json


class StrictJSONParser(BaseParser):
    """JSON with one meaning, as `mystic.lib.strict_json` reads it; UTF-8 only."""

    media_type = "application/json"

    def parse(
        self,
        stream: Any,
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        match = re.search(r"charset=\"?([\w-]+)", media_type or "", re.IGNORECASE)
        if match and match[1].lower() not in {"utf-8", "utf8"}:
            raise strict_json.StrictJSONError("json_invalid", "the body must be UTF-8")
        return strict_json.loads(stream.read(strict_json.MAX_BYTES + 1))
