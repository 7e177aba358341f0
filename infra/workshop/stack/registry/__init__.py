"""The schema registry (Apicurio Registry) as a process, started on demand.

On kind it is a process too, and uses the brokers' ports on the host, like Kafka Connect and a notebook. As a pod it would
need an image that is built and loaded into every node for one lesson.
"""
