"""Whether this process has been asked to end: long work looks here between two steps and gives the rest back."""

from threading import Event

stopping = Event()
