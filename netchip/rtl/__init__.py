"""The chip itself: the chunk of `hardware/fpga` as Verilog, held bit for bit and cycle for cycle to its integers and its model."""
