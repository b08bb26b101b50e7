"""The commands of the command line: what a script wants on standard output, everything else on standard error."""
