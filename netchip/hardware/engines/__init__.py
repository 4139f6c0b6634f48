"""Engines that skip zeros, estimated under equal resources: SmartExchange, DianNao, Cambricon-X, SCNN, Bit-pragmatic."""
