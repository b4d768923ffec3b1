"""Loads what every worker of a film needs of other packages, when imported: by the process that workers are forked from."""

import gc

import numpy.ma  # noqa: F401 - which NumPy imports for percentiles

from model.lapack import lapack
from model.paddle_import import has_gpu_package, import_inference

lapack()
if not has_gpu_package():  # a GPU's driver must not be in use before a fork
    import_inference()
gc.freeze()  # a collection would write to the memory of all modules, and the forks share it only until then
