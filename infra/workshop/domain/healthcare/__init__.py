"""A patient's path through a hospital: the domain. Pure: no Kafka, no Kubernetes.

`events` (events and corrections), `patient_file` (a fold), `ward` (the place of each patient at any moment), `rules`
(clinical rules, replayed over the past), `pseudonyms` and `shredding` (names that are stored apart, or erased).
"""

from workshop.domain.healthcare.events import PatientEvent, ResultCorrected, patient_event

__all__ = ["PatientEvent", "ResultCorrected", "patient_event"]
