"""The process part that holds the sockets: quotes, books and whole series of sealed bars."""

from markets.streaming.streamer import Streamer

__all__ = ["Streamer"]
