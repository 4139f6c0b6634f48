"""What is made of several runs or several methods: sweeps and pipelines. Start with `README.md`."""
