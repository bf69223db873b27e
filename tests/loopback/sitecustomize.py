"""What Python runs first in every process that a test starts."""

import os

import only  # type: ignore[import-not-found]  # its folder is on the path there

if only.TRIED in os.environ:
    only.begin()
