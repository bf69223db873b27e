"""The embedded shape: every part of the platform in one process."""
