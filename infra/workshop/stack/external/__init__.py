"""A Kafka and a cluster that somebody else runs: what was told of them, what they allow, and how clients reach them."""
