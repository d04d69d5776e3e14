"""The nightly tidying of the lake, and the marking of runs whose process is gone.

Belongs here: when and under which name. What is tidied is `llmops_assets.housekeeping`.
"""

from datetime import UTC, datetime

import dagster as dg

from llmops_assets.defs.runs import lost_runs
from llmops_assets.housekeeping import tidy
from llmops_assets.lake import Lake
from llmops_assets.settings import Settings


@dg.definitions
def maintenance() -> dg.Definitions:
    """A job with its schedule, and the sensors about failed runs."""
    settings = Settings.load()
    on = settings.automation.enabled
    schedule = dg.ScheduleDefinition(
        name="nightly_maintenance",
        job=tidy_lake,
        cron_schedule=settings.automation.maintenance_cron,
        execution_timezone="UTC",
        default_status=dg.DefaultScheduleStatus.RUNNING if on else dg.DefaultScheduleStatus.STOPPED,
    )
    state = dg.DefaultSensorStatus.RUNNING if on else dg.DefaultSensorStatus.STOPPED
    return dg.Definitions(jobs=[tidy_lake], schedules=[schedule], sensors=[lost_sensor(state), failed_sensor(state)])


@dg.op(description="Expires old snapshots, removes lost files, merges small ones.")
def tidy_the_lake(context: dg.OpExecutionContext) -> None:
    """One night's work."""
    settings = Settings.load()
    report = tidy(Lake.open(settings.lake_catalog), settings, datetime.now(UTC))
    context.log.info(f"{report.snapshots} snapshots expired, {report.files} files removed, {report.merged} merged away")


@dg.job(description="Keeps the lake small and quick. Changes no row.")
def tidy_lake() -> None:
    """Expire, remove, merge."""
    tidy_the_lake()


def lost_sensor(state: dg.DefaultSensorStatus) -> dg.SensorDefinition:
    """Marks runs as failed whose process died without saying so."""

    @dg.sensor(
        name="lost_runs",
        minimum_interval_seconds=30,
        default_status=state,
        description="Marks a run as failed whose process on this machine is gone, so that its windows are free again.",
    )
    def lost(context: dg.SensorEvaluationContext) -> dg.SkipReason:
        gone = lost_runs(context.instance, Settings.load().running)
        for run in gone:
            context.instance.report_run_failed(run, "Its process is gone: killed, or the machine was restarted.")
        return dg.SkipReason(f"{len(gone)} runs marked as failed" if gone else "every run has its process")

    return lost


def failed_sensor(state: dg.DefaultSensorStatus) -> dg.SensorDefinition:
    """Makes a run that failed for good visible in the daemon's log too."""

    @dg.run_failure_sensor(
        name="failed_runs",
        default_status=state,
        minimum_interval_seconds=30,
        description="Says which windows failed for good, why, and what happens next.",
    )
    def failed(context: dg.RunFailureSensorContext) -> None:
        run = context.dagster_run
        if run.tags.get("dagster/will_retry") != "true":
            context.log.error(
                f"{run.tags.get('llmops/work', run.job_name)} failed: {context.failure_event.message} "
                f"Its windows stay due and are tried again with growing pauses; run {run.run_id[:8]} shows the cause."
            )

    return failed
