"""A room without a network: what is fetched while it is good, and the folder that a USB stick carries."""
