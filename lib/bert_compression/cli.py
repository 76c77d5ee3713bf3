"""bert-compression doctor | plan | run | book | compare | workshop: a function each, one line an error."""

import argparse
import io
import json
import os
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import chain
from pathlib import Path

from bert_compression import __version__
from bert_compression.errors import BadInput, Failure, expanded, unforeseen

EPILOG = """examples:
  bert-compression doctor
  bert-compression plan --profile small --data my_data
  bert-compression plan --profile paper --paper loyalty
  bert-compression run --profile small --data my_data --table table_1
  bert-compression book -p seeds=1 -p attacked=50
  bert-compression book --diff --profile small
  bert-compression compare my_teacher my_student --data my_texts.csv --output my_comparison
  bert-compression workshop my_course
"""

DIFF = """\
your numbers next to ours: --fresh measures again what is committed, --diff compares
  bert-compression run --profile small --fresh --seeds 1 --paper taylor --table training_sizes --data my_data
  bert-compression book --diff --profile small
"""

COMPARE = """\
TEACHER and STUDENT are classifiers, each with its own tokenizer: a name on the hub, a folder, an ONNX file
(its tokenizer and config.json beside it), a folder that save_model or save_packed wrote, or a file of saved
answers (.npz). The output folder gets compare.html, card.md and compare.json.

examples:
  bert-compression compare my_teacher my_student --data my_texts.csv --output my_comparison
  bert-compression compare my_teacher my_student --data pairs.jsonl --text claim --text proof --output out
  bert-compression compare my_teacher my_student --data sst2 --save-answers teacher.npz --output out
  bert-compression compare teacher.npz my_student --data sst2 --require "label_loyalty>=0.98" --output out

exit status: 0 done and all requirements met, 1 one is not met, 3 too few texts to tell, 2 bad input, error
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status: 0 done, 1 something went wrong, 2 what was asked for cannot be done, 130 Ctrl-C, 141
    nobody reads what is printed. Of `compare`, whose 1 is a gate's, what went wrong is 2 as well."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # for a terminal that is not of UTF-8
    wrong = 1
    try:
        options = _parser().parse_args(arguments)
        wrong = 2 if options.command is compare else 1
        status = options.command(options)
        sys.stdout.flush()
        return status
    except BadInput as error:
        print(f"bert-compression: {error}", file=sys.stderr)
        return 2
    except Failure as error:
        print(f"bert-compression: {error}", file=sys.stderr)
        return wrong
    except KeyboardInterrupt:
        kept = "" if options.command is compare else "; what is done is kept, and the next run goes on"
        print(f"bert-compression: stopped{kept}", file=sys.stderr)
        return 130
    except BrokenPipeError:  # such as `plan | head`, which has read enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # for what Python has still to flush
        return 141
    except Exception as error:  # such as of a disk, or of a library on data that nobody has thought of
        print(f"bert-compression: {Failure(unforeseen(error))}", file=sys.stderr)
        return wrong


def doctor(options: argparse.Namespace) -> int:
    """What this machine offers, and which profiles run here."""
    from bert_compression.doctor import READY, examine, examine_workshop

    if options.workshop and (options.profile != "smoke" or options.data):
        raise BadInput("the workshop takes neither a profile nor data: --workshop stands alone")
    findings = examine_workshop() if options.workshop else examine(options.profile, options.data)
    if options.format == "json":
        print(json.dumps(findings, indent=1))
    else:
        for name, value in findings.items():
            print(f"{name.replace('_', ' '):<18} {value}")
    return int(options.workshop and findings["verdict"] != READY)


def plan(options: argparse.Namespace) -> int:
    """What a run would compute, and about what that costs: time on this machine, or hours of a GPU."""
    from bert_compression.experiments.cost import Hours

    if options.export and options.format != "text":
        raise BadInput("--export prints a Snakefile, and --format another: leave one out")
    session = _session(options, options.fresh)
    rows, cost = session.plan.rows(), session.cost()
    for notice in session.store.notices:
        print(notice, file=sys.stderr)
    if not session.plan.data_there and session.store.keys():
        print("the data are not at hand: what the store holds of these jobs is not known", file=sys.stderr)
    if options.export:
        from bert_compression.experiments.snakefile import snakefile

        command = _run_command(options, getattr(session.resolver.source, "folder", None))
        print(snakefile(session.plan, session.resolver, session.store, command), end="")
        return 0
    if options.format == "json":
        print(json.dumps({"jobs": rows, **cost.data()}, indent=1))
        return 0
    kinds: dict[str, Counter] = {}
    for row in rows:
        kinds.setdefault(row["kind"], Counter())[row["status"]] += 1
    states = ("there", "to run", "not needed")
    prices = {"GPU hours": cost.gpu_hours, "CPU hours": cost.cpu_hours} if isinstance(cost, Hours) else {}
    print(f"{'kind':<22}" + "".join(f"{head:>12}" for head in (*states, *prices)))
    for kind, counts in kinds.items():
        cells = [counts[state] or "-" for state in states]
        cells += [f"{hours[kind]:.1f}" if kind in hours else "-" for hours in prices.values()]
        print(f"{kind:<22}" + "".join(f"{cell:>12}" for cell in cells))
    print(f"{len(rows)} jobs, {len(session.plan.to_run)} to run: about {cost}")
    for line in cost.basis() if prices else ():
        print(line)
    return 0


def _run_command(options: argparse.Namespace, data: Path | None) -> list[str]:
    """The command that runs, in whichever folder, what these options plan on that data folder."""
    stated = {name: getattr(options, name) for name in ("profile", "paper", "table", "seeds", "attacked")}
    stated["data"] = data.resolve() if data else None
    given = [(f"--{name}", str(value)) for name, value in stated.items() if value is not None]
    return ["bert-compression", "run", *chain.from_iterable(given), "--quiet"]


def run(options: argparse.Namespace) -> int:
    """Run what is missing. Records of every profile but smoke are kept in results/<profile>/."""
    from bert_compression.experiments import PROFILES
    from bert_compression.experiments.results import MeasuredOtherwise

    config = None
    if options.parsl is not None:
        from bert_compression.experiments.cluster import read_config

        config = read_config(options.parsl)
    session = _session(options, options.fresh, options.job)
    # Smoke is no evidence, and results/ holds attacks on as many texts as the profile says.
    own_size = options.attacked in (None, PROFILES[options.profile].attacked)
    keep = session.publish if options.profile != "smoke" and own_size else lambda records=None: None
    refused = []

    def keep_now(records: Sequence[Mapping] | None = None) -> None:
        try:
            keep(records)
        except MeasuredOtherwise as error:  # what is missing may be measured yet
            refused.append(error)

    keep_now()  # what an earlier run has left in the store, before anything that reads it
    records = session.run(options.quiet, lambda record: keep_now([record]), config)
    if refused:
        keep()
    waiting = len(session.plan.to_run)
    failed = [record for record in records if record["status"] == "failed"]
    if not options.quiet:
        print(
            f"{len(records)} jobs: {len(records) - waiting} were there, {waiting} run, {len(failed)} failed"
        )
    if failed:
        first = failed[0]
        what = f"{first['kind']} of {first['method']}, seed {first['seed']}"
        why = f"first {what}: {first['error']}" if options.quiet else f"first {what}, as told above"
        raise Failure(f"{len(failed)} of {len(records)} jobs failed, {why}; the next run tries them again")
    return 0


def book(options: argparse.Namespace) -> int:
    """Run what the book's tables need, execute its notebooks, build the pages; with --diff, only compare."""
    if options.diff:
        if options.data or options.notebook or options.parameter:
            raise BadInput("--diff compares records and takes --profile alone")
        return _diff(options)
    from bert_compression.book import build, read_values

    values = read_values(options.parameter)
    build(options.profile, options.data, options.notebook or None, values, options.quiet)
    return 0


def workshop(options: argparse.Namespace) -> int:
    """Write the workshop's notebooks, with blanks, and its slides into a folder."""
    from bert_compression.book import hand_out

    for path in hand_out(options.folder):
        print(path)
    return 0


def compare(options: argparse.Namespace) -> int:
    """How loyal a compressed model is to its teacher, on your texts: a page, a card and numbers."""
    from bert_compression.compare import compare as compare_models
    from bert_compression.compare import exit_status, parse
    from bert_compression.compare.gate import known
    from bert_compression.compare.page import NAMES, writable

    for requirement in options.require:  # before hours of work
        known(parse(requirement).measure, NAMES)
    writable(options.output)
    found = compare_models(
        options.teacher,
        options.student,
        options.data,
        text=options.text,
        label=options.label,
        slice_by=options.slice,
        labels=_stated(options.labels),
        tokenizer=options.tokenizer,
        max_length=options.max_length,
        other_seed=options.other_seed,
        attack=options.attack,
        examples=options.examples,
        answers_file=options.save_answers,
        progress=None if options.quiet else _Stages(),
    )
    found.write(options.output)  # also where a requirement names what there is not
    decisions = found.check(options.require)
    folder = found.write(options.output, decisions)
    if not options.quiet:
        print(f"{folder / 'compare.html'}", file=sys.stderr)
    for notice in found.notices:  # also to whom sees the terminal alone
        print(f"note: {notice}", file=sys.stderr)
    for decision in decisions:
        print(decision)
    return exit_status(decisions)


def _stated(texts: Sequence[str]) -> dict[str, list[str]]:
    from bert_compression.compare.labels import SIDES

    found: dict[str, list[str]] = {}
    listed = ", ".join(SIDES)
    for text in texts:
        side, equals, names = text.partition("=")
        if not equals or not names:
            raise BadInput(f"labels are stated as SIDE=NAME,NAME,... for {listed}, not {text!r:.80}")
        if side in found:
            raise BadInput(f"the labels of {side!r:.80} are stated twice: all in one --labels")
        found[side] = [name.strip() for name in names.split(",")]
    return found


class _Stages:
    """Tells on standard error what is being done: a bar on a terminal, a line a stage elsewhere."""

    def __init__(self):
        self.stage, self.bar = None, None

    def __call__(self, stage: str, done: int, total: int) -> None:
        if stage != self.stage:
            self.stage = stage
            if sys.stderr.isatty():
                from tqdm import tqdm

                self.bar = tqdm(total=total, desc=stage, leave=False)
            else:
                print(stage, file=sys.stderr, flush=True)
        if self.bar is not None:
            self.bar.n = done
            self.bar.refresh()
            if done == total:
                self.bar.close()
                self.bar = None


def _diff(options: argparse.Namespace) -> int:
    """Print how the records of the store stand to those that others have committed of the profile."""
    from bert_compression.experiments import Results, Store, get_profile
    from bert_compression.experiments.environment import store_folder
    from bert_compression.report.diff import compare_records, in_lines

    profile = get_profile(options.profile).name
    own = [record for record in Store(store_folder()).records() if record["profile"] == profile]
    committed = Results(profile).of_others(own)
    if compared := compare_records(own, committed):
        print("\n".join(in_lines(compared)))
    else:
        print(
            f"no job is in both: of the profile {profile} the store holds {len(own):,} records, and others "
            f"have committed {len(committed):,}\n\n{DIFF}",
            end="",
        )
    return 0


def _session(options: argparse.Namespace, fresh: bool = False, job: str | None = None):
    from bert_compression.experiments import get_profile
    from bert_compression.papers import get_tables, open_session

    profile = get_profile(options.profile, options.seeds, options.attacked)
    tables = get_tables(options.paper, options.table)
    return open_session(tables, profile, options.data, fresh, options.workers, job)


def _folder(text: str) -> Path:
    """A folder to write into: the current one is named as ".", and not by leaving it out."""
    if not text.strip():
        raise argparse.ArgumentTypeError("a folder to write into has a name, such as . for this one")
    return expanded(text)


class _Parser(argparse.ArgumentParser):
    """Tells what is wrong in one line, without the usage."""

    def error(self, message: str):
        raise BadInput(f"{message}; see {self.prog} --help")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="bert-compression",
        description="Compressing BERT, measured beyond accuracy.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)

    def command(function, data_help: str = "", epilog: str | None = None) -> argparse.ArgumentParser:
        line = function.__doc__.splitlines()[0]
        sub = commands.add_parser(
            function.__name__,
            help=line,
            description=line,
            epilog=epilog,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        sub.set_defaults(command=function)
        if data_help:
            sub.add_argument(
                "--profile", default="smoke", help="smoke, small or paper (default: %(default)s)"
            )
            sub.add_argument("--data", metavar="FOLDER", help=data_help)
        return sub

    folder = "a folder with real data; without it BERT_COMPRESSION_DATA, then the hub"
    examined = command(doctor, folder)
    examined.add_argument("--format", choices=("text", "json"), default="text")
    examined.add_argument(
        "--workshop", action="store_true", help="can it do the workshop? exit status 1 if it cannot"
    )

    planned, running = command(plan, folder), command(run, folder)
    planned.add_argument("--format", choices=("text", "json"), default="text")
    for sub in (planned, running):
        sub.add_argument("--paper", help="one paper; without it, all that the book covers")
        sub.add_argument("--table", help="one table; without it, all that the paper has")
        sub.add_argument("--seeds", type=int, metavar="N", help="seeds 0 to N-1 instead of the profile's")
        sub.add_argument("--attacked", type=int, metavar="N", help="attack N texts instead of the profile's")
        sub.add_argument("--workers", type=int, metavar="N", help="run jobs in N processes")
        sub.add_argument("--fresh", action="store_true", help="measure again what is committed")
    planned.add_argument(
        "--export", choices=("snakemake",), help="print the plan as a Snakefile, a rule a job, instead"
    )
    running.add_argument(
        "--job",
        metavar="KEY",
        help="run the job with this key alone, as a Snakefile does; its inputs must be there",
    )
    running.add_argument(
        "--parsl", metavar="FILE", help="run jobs where the Parsl configuration in this Python file says"
    )
    running.add_argument("--quiet", action="store_true", help="print errors only")

    built = command(book, folder, DIFF)
    built.add_argument(
        "--notebook", action="append", default=[], help="give parameters to this notebook only"
    )
    built.add_argument(
        "-p", "--parameter", action="append", default=[], metavar="NAME=VALUE", help="a notebook parameter"
    )
    built.add_argument("--quiet", action="store_true", help="print errors only")
    built.add_argument(
        "--diff", action="store_true", help="compare your records with the committed ones, and build nothing"
    )

    _compare_options(command(compare, epilog=COMPARE))
    command(workshop).add_argument("folder", type=_folder, help="where to write; it is made if missing")
    return parser


def _compare_options(sub: argparse.ArgumentParser) -> None:
    add = sub.add_argument
    add("teacher", metavar="TEACHER", help="the model that the other was made from")
    add("student", metavar="STUDENT", help="the compressed model")
    add(
        "--data",
        required=True,
        metavar="FILE_OR_TASK",
        help="a .csv, .tsv (quotes are characters), .jsonl or .parquet file, a task such as sst2 or "
        "mnli/validation_mismatched, or builtin-sst2, which needs no download",
    )
    add("--output", required=True, type=_folder, metavar="FOLDER", help="where the three files go")
    add("--text", action="append", metavar="COLUMN", help="a column of texts; twice for pairs")
    add(
        "--label",
        metavar="COLUMN",
        help='the column of labels, numbers or names (without it "label", if any)',
    )
    add("--slice", metavar="COLUMN", help="a column by whose values the texts are told apart as well")
    add(
        "--labels",
        action="append",
        default=[],
        metavar="SIDE=NAME,NAME,...",
        help="what the columns of teacher, student, other_seed, or the numbers of data mean, in their order",
    )
    add("--tokenizer", metavar="MODEL", help="for a model that brings none")
    add("--max-length", type=int, metavar="N", help="read no more than N tokens of a text")
    add("--other-seed", metavar="MODEL", help="another training of the teacher: how far apart are these two?")
    add("--attack", metavar="RECIPE", help="textfooler, textbugger or bert_attack, on both models")
    add("--examples", type=int, default=200, metavar="N", help="texts to attack (default: %(default)s)")
    add(
        "--require",
        action="append",
        default=[],
        metavar="MEASURE>=NUMBER",
        help='a gate, such as "label_loyalty>=0.98"; measures have their names in compare.json',
    )
    add("--save-answers", metavar="FILE.npz", help="keep the teacher's answers, to be given as TEACHER later")
    add("--quiet", action="store_true", help="no progress")


if __name__ == "__main__":
    sys.exit(main())
