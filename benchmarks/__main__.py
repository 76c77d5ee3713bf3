"""All benchmarks, one after the other: python -m benchmarks [--data FOLDER] [--examples N] [--texts N]

Exit status 1 where results differ; a ratio that misses its target is printed, and no failure.
"""

import argparse
import sys
from pathlib import Path

from benchmarks import attack, attack_sharing, few_bits, parsl_jobs, representation, training
from bert_compression.errors import BadInput


def main(data: Path | None, examples: int, texts: int) -> int:
    print("The attack, in seconds of one processor core\n")
    attacked = attack.main(data, texts)
    print("\nTen models attacked, in seconds of one processor core\n")
    shared = attack_sharing.main(data, texts)
    print("\nNeighbours and CKA\n")
    represented = representation.main()
    print("\nFew bits, in seconds of one processor core\n")
    packed = few_bits.main()
    print("\nJobs with Parsl\n")
    shared_out = parsl_jobs.main()
    print("\nTraining, in seconds of one processor core\n")
    return max(attacked, shared, represented, packed, shared_out, training.main(data, examples))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--data", type=Path, help="a data folder; without one, the built-in language")
    parser.add_argument("--examples", type=int, default=2000, help="how many training examples")
    parser.add_argument("--texts", type=int, default=10, help="how many validation texts to attack")
    arguments = parser.parse_args()
    try:
        sys.exit(main(arguments.data, arguments.examples, arguments.texts))
    except BadInput as error:
        print(error, file=sys.stderr)
        sys.exit(2)
