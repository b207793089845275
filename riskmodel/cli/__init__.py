"""The command line: check, fit, validate, backtest, score, compare, report.

Question answered: *how is all this used without writing Python?* Data go to standard output and words to
standard error. The exit code is 0 when done, 1 when the data or the fit fail their checks, 2 for wrong usage.
Nothing numerical is imported before a verb needs it.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from riskmodel.cli.output import log_to_stderr, safe_streams, say
from riskmodel.cli.parser import parser
from riskmodel.cli.verbs import VERBS
from riskmodel.errors import StudyError, UsageError

__all__ = ["main"]

DONE, FAILED, USAGE, INTERRUPTED, BROKEN_PIPE = 0, 1, 2, 130, 141


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command.

    Parameters
    ----------
    argv
        Arguments without the program's name; None for those of the process.

    Returns
    -------
    int
        Exit code: 0 done, 1 data or fit fail their checks, 2 wrong usage, 130 interrupted, 141 reader gone.
    """
    safe_streams()
    try:
        code = _run(argv)
        sys.stdout.flush()
    except BrokenPipeError:  # `riskmodel score | head`: the reader has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return BROKEN_PIPE
    return code


def _run(argv: Sequence[str] | None) -> int:
    """Run one command and turn what was to be expected into a message and a code."""
    try:
        arguments, odd = (made := parser()).parse_known_args(argv)
        if odd:
            hint = "; the folder of a study goes with --study" * hasattr(arguments, "study")
            made.error(f"unrecognized arguments: {' '.join(odd)}{hint}")
        with log_to_stderr(arguments.verbose):
            return DONE if VERBS[arguments.verb](arguments) else FAILED
    except SystemExit as stop:  # argparse has said what is wrong, or printed its help
        return stop.code if isinstance(stop.code, int) else USAGE
    except StudyError as error:
        count = len(error.problems)
        say(str(error) if count == 1 else f"{count} problems\n{error}")
        return FAILED
    except UsageError as error:
        say(str(error))
        return USAGE
    except KeyboardInterrupt:
        say("interrupted")
        return INTERRUPTED
    except BrokenPipeError:
        raise
    except OSError as error:
        say(f"{error.filename or 'file'}: {error.strerror or error}")
        return USAGE
