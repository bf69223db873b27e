"""The same work by others, in the peers' environment."""
