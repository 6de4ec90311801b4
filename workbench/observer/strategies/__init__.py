"""Ways to make loading cheaper, tried on somebody else's data set with no line of it changed.

Each looks whether it is right here, and is refused with the reason where it isn't: a trial whose strategy was refused
has failed.
"""
