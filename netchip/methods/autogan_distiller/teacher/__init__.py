"""The trained generator that is imitated: any callable, its checks, its answers on disk."""
