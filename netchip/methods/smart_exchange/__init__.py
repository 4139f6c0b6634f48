"""SmartExchange: weights as a small basis times sparse signed powers of two. See README.md here."""
