"""Convolution engines on an FPGA, several in a pipeline: cycles, resources, boards. See `predictor.py` and `pipeline.py`."""
