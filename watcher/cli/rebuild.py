"""`watcher rebuild`"""

from __future__ import annotations

from pathlib import Path

import click

from watcher.cli.context import open_monitor
from watcher.cli.output import progress_bar
from watcher.core.errors import UsageError
from watcher.monitor.result import CheckResult, Outcome
from watcher.render.safe_text import visible


@click.command("rebuild")
@click.argument("sources", metavar="[SOURCE]...", nargs=-1)
@click.option("--events", is_flag=True, help="Only judge the stored releases again: other events, the same entries.")
@click.pass_obj
def command(config: Path, sources: tuple[str, ...], events: bool) -> None:
    """Rebuild the history from the snapshots, with the rules of this version.

    The result is the same history, or a better one if the rules were improved. Each source is replaced in one
    transaction. The log of checks and deliveries stays. No alerts are sent, except for a release that was never in the
    history: a killed check left it, or an older version could not read or judge it. If subscribers were alerted of a
    later release, it is inserted without alerts, as are releases that `import --archive-only` kept.

    --events derives only changes and events, which is enough after an upgrade with better rules. A source that this
    version reads differently is rebuilt whole.

    A snapshot that cannot be read or judged is named and left out. Exit code 1: there was one.

    \b
    Examples:
      watcher rebuild
      watcher rebuild ports --events
    """
    with open_monitor(config, rebuilding=True) as monitor:
        configured = tuple(source.name for source in monitor.settings.source)
        collections = tuple(f"{collection.name}." for collection in monitor.settings.collections)
        archived = [
            name for name in monitor.archive.list_sources() if name in configured or name.startswith(collections)
        ]
        chosen = [monitor.source(name, new=True) for name in sources or archived]
        if not chosen:
            raise UsageError("no snapshots to rebuild from; run `watcher check` or `watcher import` first")
        left_out = 0
        for source in chosen:
            with progress_bar(1, source.name) as bar:

                def show_progress(done: int, total: int) -> None:
                    bar.length = max(total, 1)
                    bar.update(done - bar.pos)

                ingest = monitor.ingest(source)
                rebuilt = ingest.rebuild_events(show_progress) if events else ingest.rebuild(show_progress)
            left_out += len(rebuilt.left_out)
            for sha256, reason in rebuilt.left_out.items():
                click.echo(visible(f"{source.name}: snapshot {sha256[:12]} is left out: {reason}"), err=True)
            click.echo(f"{source.name}: {rebuilt.releases} releases{', their events judged again' if events else ''}")
            for result in rebuilt.recovered:
                click.echo(visible(f"{source.name}: {_describe_recovered(result)}"))
    if left_out:
        raise click.exceptions.Exit(1)


def _describe_recovered(result: CheckResult) -> str:
    """Return in a sentence that a release that was not in the history is, and whether subscribers are alerted."""
    release = result.release.release if result.release else None
    subject = f"the release {release.id} of {release.when} is in the history now" if release else "a release is new"
    if result.is_alerted:
        return f"{subject}; its alerts are queued"
    if result.outcome is Outcome.INSERTED:
        return f"{subject}, inserted without alerts: a later release was alerted, or it was imported"
    return f"{subject}, without alerts: it was imported, or was in the history before"
