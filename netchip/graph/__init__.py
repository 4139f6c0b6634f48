"""The bridge: capture, workloads, channel groups and surgery."""
