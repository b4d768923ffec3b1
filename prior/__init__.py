"""Color conversion, the quantized ab space (Q bins), and its statistics, independent of any network.

Notation used in all docstrings:

- ``gray (H, W)``: uint8 or uint16, sRGB-encoded luminance.
- ``rgb (..., 3)``: sRGB, uint8 0..255, uint16 0..65535 or float 0..1.
- ``lab (..., 3)``: float32; L 0..100, a and b about -110..110; CIE Lab under D65, 2 degrees.
- ``ab (..., 2)``: the last two channels of ``lab``.
- ``N`` number of pictures, ``H W`` their size, ``h w`` a quarter of it, ``Q`` number of ab bins.

NumPy arrays keep channels last; Paddle tensors are NCHW float32.
"""
