"""Wordings and receipts: what people agreed to, and the proof that they did (Art. 7(1) GDPR)."""
