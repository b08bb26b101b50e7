"""`make chaos`: the processes of the Procfile under fire, judged by what a relay has seen (P3, P8)."""
