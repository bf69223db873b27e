"""The bars `detect` takes."""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray


class Series(Protocol):
    """Closed bars as arrays, oldest first; `open_time` is epoch seconds."""

    @property
    def open_time(self) -> NDArray[np.int64]: ...
    @property
    def open(self) -> NDArray[np.float64]: ...
    @property
    def high(self) -> NDArray[np.float64]: ...
    @property
    def low(self) -> NDArray[np.float64]: ...
    @property
    def close(self) -> NDArray[np.float64]: ...
