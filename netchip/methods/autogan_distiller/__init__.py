"""AutoGAN-Distiller: search a small generator that imitates a trained one within a budget. See README.md here."""
