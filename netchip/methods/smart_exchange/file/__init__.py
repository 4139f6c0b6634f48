"""The compressed file: one safetensors file, specified in docs/smart_exchange_format.md; written whole, read with suspicion."""
