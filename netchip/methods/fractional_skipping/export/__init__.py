"""ONNX files of a gated network: its pieces, a model that branches, one of a frozen route; each checked against the source."""
