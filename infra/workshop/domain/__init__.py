"""Pure code of the workshop's domains: no Kafka, no Kubernetes, no files."""
