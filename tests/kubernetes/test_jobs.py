"""Jobs and CronJobs."""

from __future__ import annotations

from .cluster import Thing
from .manifests import job
from .space import Space, condition


def finished(space: Space, name: str, how: str) -> Thing:
    """Wait until a Job is Complete or Failed."""

    def look(found: Thing) -> bool:
        said = condition(found, how)
        return bool(said and said.status == "True")

    return space.status(name, "Job", look, f"to be {how}")


def test_a_job_runs_as_many_pods_as_it_wants_and_so_many_at_once(space: Space):
    space.create(job("four", "echo $JOB_COMPLETION_INDEX", completions=4, parallelism=2, completionMode="Indexed"))
    before = space.read("Job", "four")
    active = []
    for _, found in space.changes("Job", before):
        active.append(found.status.active or 0)
        if condition(found, "Complete"):
            break
    found = finished(space, "four", "Complete")
    assert found.status.succeeded == 4
    assert max(active) == 2
    pods = [pod.metadata.name for pod in space.all("Pod", "job-name=four")]
    assert sorted(space.log(name).strip() for name in pods) == ["0", "1", "2", "3"]
    assert "4/4" in space.kubectl("get", "job", "four")


def test_a_job_that_fails_is_tried_again_and_then_given_up(space: Space, ticking: Space):
    space.create(
        job("given-up", "exit 1", backoffLimit=0),
        job("in-place", "test -e /state/seen && exit 0; touch /state/seen; exit 1", "OnFailure", backoffLimit=2),
        job("late", "sleep 3600", activeDeadlineSeconds=2),
    )
    assert condition(finished(space, "given-up", "Failed"), "Failed").reason == "BackoffLimitExceeded"
    assert condition(finished(space, "late", "Failed"), "Failed").reason == "DeadlineExceeded"
    assert finished(space, "in-place", "Complete").status.succeeded == 1
    assert finished(ticking, "tried-again", "Failed").status.failed == 2
    assert space.read("Job", "given-up").status.failed == 1


def test_a_finished_job_is_cleared_away_if_wished_with_its_pods(space: Space):
    space.create(job("brief", "true", ttlSecondsAfterFinished=1))
    space.gone("Job", "brief")
    space.wait(lambda: not space.all("Pod", "job-name=brief"), "its pods to be gone")


def test_a_cron_job_runs_each_minute(ticking: Space):
    found = ticking.status("tick", "CronJob", lambda found: found.status.lastSuccessfulTime, "to have run")
    assert found.status.lastScheduleTime
    done = [one for one in ticking.all("Job") if one.status.succeeded]
    assert done[0].metadata.ownerReferences[0].name == "tick"
    pods = ticking.all("Pod", f"job-name={done[0].metadata.name}")
    assert ticking.log(pods[0].metadata.name).strip() == "ticked"
