"""The story's microservices: what surrounds the domain when it runs in a cluster. One image, and a command for each."""
