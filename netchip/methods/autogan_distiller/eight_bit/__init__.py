"""The student at 8 bits: trained on the grids it will run on, stored as int8, exported with quantise and dequantise nodes."""
