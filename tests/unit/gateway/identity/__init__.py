"""Identity and limits without sockets."""
