"""A patient's path through a hospital: the domain. Pure: no Kafka, no Kubernetes.

`events` (what happened, and what was corrected), `patient_file` (a fold), `ward` (who is where, at any moment), `rules`
(clinical rules, replayed over the past), `pseudonyms` and `shredding` (names that can be kept apart, and forgotten).
"""

from workshop.domain.healthcare.events import PatientEvent, ResultCorrected, patient_event

__all__ = ["PatientEvent", "ResultCorrected", "patient_event"]
