"""The transport, over scripted answers and over real sockets."""
