"""The version, which is that of the Swift package."""

__version__ = "0.2.0"
