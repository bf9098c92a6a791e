"""The replay: a trace decided anew, write by write, under a policy."""
