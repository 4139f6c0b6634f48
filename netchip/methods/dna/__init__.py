"""DNA: the network and its accelerator, searched together. See README.md here."""
