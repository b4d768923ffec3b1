"""Paddle's compiled part, loaded when this module is imported: by the process that pool processes are forked from."""

from model.paddle_import import has_gpu_package, import_inference

if not has_gpu_package():  # a GPU's driver must not be in use before a fork
    import_inference()
