"""Opens and clicks under pseudonyms. Never imports recipients: that import is the one privacy forbids."""
