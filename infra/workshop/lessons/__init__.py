"""The lessons: one package per lesson with its experiments, observations, pictures and checks."""
