"""Accelerators as the network search sees them: what is best for a network under limits, and what each layer then costs."""
