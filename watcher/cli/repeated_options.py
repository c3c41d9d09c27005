"""Refuse an option that is given twice and takes one value: click would use the last one and say nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import click


def require_single_values(context: click.Context, arguments: Sequence[str]) -> None:
    """Raise UsageError if an option that takes one value is repeated, of a context's command or of a command inside it.

    A switch may be repeated (`-v -v`), but not contradicted (`--deliver
    --no-deliver`).
    """
    if context.resilient_parsing:  # the shell completes a command that is not typed to its end
        return
    command = context.command
    _, rest, order = command.make_parser(context).parse_args([*arguments])
    for parameter, number in Counter(order).items():
        if number > 1 and isinstance(parameter, click.Option) and _takes_one_value(parameter):
            option = max(parameter.opts, key=len)
            raise click.UsageError(f"Option '{option}' is given {number} times and takes one value.", context)
    if isinstance(command, click.Group) and context.parent is not None and rest:
        name, inner, inner_arguments = command.resolve_command(context, rest)
        if inner is not None:
            require_single_values(click.Context(inner, context, info_name=name), inner_arguments)


def _takes_one_value(option: click.Option) -> bool:
    is_switch = option.is_flag and not option.secondary_opts
    return not (option.multiple or option.count or is_switch)
