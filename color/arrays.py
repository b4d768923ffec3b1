"""Array types by element type; their axes are documented where they are used."""

from collections.abc import Mapping
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float32]
Doubles: TypeAlias = NDArray[np.float64]
Bytes: TypeAlias = NDArray[np.uint8]
Mask: TypeAlias = NDArray[np.bool_]
Indices: TypeAlias = NDArray[np.intp]
Picture: TypeAlias = NDArray[Any]  # uint8 or uint16
Arrays: TypeAlias = Mapping[str, NDArray[Any]]
