"""toprung: from a folder of labelled pictures to the most accurate classifier, with results to trust."""

__version__ = "0.1.0"
