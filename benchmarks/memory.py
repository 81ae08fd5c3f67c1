"""How much memory thousands of photos of mixed sizes take, photo by photo.

    python benchmarks/memory.py $HEADSHOT_DATA --photos 2000 --ways command,api,threads,keypoint

`benchmarks/mixed_photos.py` makes the photos. Each way is a process of its own that works through all of
them, of which the resident memory (RSS) is read after each photo:

- ``command``: `headshot reconstruct FOLDER -r --face all`, as anybody would run it;
- ``api``: one `headshot.Reconstructor` for all photos, all faces, 68 points of each kept;
- ``threads``: the same from four threads at a time;
- ``keypoint``: the landmarks and the fit of `headshot keypoint --landmarks headshot`.

The peak is that of the whole process. Beside them: one photo of 200 megapixels, the largest of phones,
enlarged from `photos/grace_hopper.jpg`. Linux and macOS only.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from PIL import Image

from headshot import HeadshotError, Reconstructor, read_photo
from headshot.evaluate.processes import Program
from headshot.image.files import find_photos
from mixed_photos import write_mixed_photos
from report import publish, table

STEPS = (1, 10, 50, 100, 200, 500, 1000, 1500, 2000)
"""Numbers of photos after which memory is shown."""
LIMIT = 900
"""MB that a process with one photo at a time may take at most."""
HUGE = (12240, 16320)
"""Pixels of a photo of the largest phone cameras."""
FLAT_FROM = 100
"""Photos after which memory should not grow further."""


class Sample(NamedTuple):
    """State of a process after a photo: seconds since its start, resident memory in MB."""

    seconds: float
    resident: float


@dataclass(frozen=True)
class Course:
    """How a process went.

    Attributes:
        samples: after each photo.
        peak: most resident memory, MB.
        seconds: processor time.
    """

    samples: list[Sample]
    peak: float
    seconds: float


def resident(process: int) -> float:
    """Resident memory of a process, MB; NaN where it has ended."""
    shown = subprocess.run(["ps", "-o", "rss=", "-p", str(process)], capture_output=True, text=True)
    return int(shown.stdout) * 1024 / 1e6 if shown.stdout.strip() else float("nan")


def follow(command: Sequence[str], photos: Sequence[Path], log: Path) -> Course:
    """Run a command that prints a line that begins with each photo's path, and watch its memory.

    Raises:
        SystemExit: it ended early.
    """
    names, samples, start = {str(photo) for photo in photos}, [], time.perf_counter()
    program = Program(command, output=subprocess.PIPE)
    with log.open("w", encoding="utf-8") as stream:
        for line in program.lines:
            line = line.removeprefix("headshot: ")
            name = (
                line[: line.rfind(".jpg") + 4] if ".jpg" not in line else line.partition(".jpg")[0] + ".jpg"
            )
            if name in names:
                names.discard(name)
                sample = Sample(time.perf_counter() - start, resident(program.pid))
                samples.append(sample)
                stream.write(f"{len(samples)}\t{sample.seconds:.1f}\t{sample.resident:.0f}\t{line}")
                stream.flush()
    usage = program.finish()
    if names:
        raise SystemExit(f"{len(names)} photos are missing: see {log}")
    return Course(samples, usage.peak, usage.processor)


def write_huge(path: Path) -> None:
    """A JPEG of 200 megapixels."""
    width, height = HUGE
    with Image.open(Path(__file__).resolve().parents[1] / "photos" / "grace_hopper.jpg") as photo:
        across = photo.height * width / height
        left = (photo.width - across) / 2
        part = (left, 0.0, left + across, float(photo.height))
        photo.convert("RGB").resize(HUGE, Image.Resampling.BICUBIC, part).save(path, "JPEG", quality=90)


def with_api(photos: Sequence[Path], threads: int) -> None:
    """Keep 68 points of each head, as a program would that goes on with them."""
    reconstruct, kept = Reconstructor(), []

    def one(photo: Path) -> None:
        try:
            kept.append([head.project(head.landmarks68) for head in reconstruct(photo, face="all")])
        except HeadshotError as error:
            kept.append(str(error))
        print(photo, flush=True)

    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(one, photos))


def with_keypoint(photos: Sequence[Path]) -> None:
    """Landmarks by the bundled networks, and the fit to them."""
    from headshot.apps.keypoint.find import find_points68
    from headshot.apps.keypoint.fit import fit_keypoints
    from headshot.models.readers import read_linear_model

    model, kept = read_linear_model("headshot"), []
    for photo in photos:
        try:
            picture = read_photo(photo)
            for found in find_points68(picture, "headshot"):
                size = (picture.width, picture.height)
                kept.append(fit_keypoints(found.points, model, size, picture.focal_pixels()).rms)
        except HeadshotError as error:
            kept.append(str(error))
        print(photo, flush=True)


WAYS: dict[str, Callable[[Sequence[Path]], None]] = {
    "api": lambda photos: with_api(photos, 1),
    "threads": lambda photos: with_api(photos, 4),
    "keypoint": with_keypoint,
}


def show(courses: dict[str, Course], photos: int, seed: int, huge: Course) -> None:
    """Tables of memory over photos."""
    steps = [step for step in STEPS if step < photos] + [photos]
    rows = [
        [way, *(f"{course.samples[step - 1].resident:.0f}" for step in steps)]
        for way, course in courses.items()
    ]
    totals: list[list[object]] = []
    for way, course in courses.items():
        late = [sample.resident for sample in course.samples[min(FLAT_FROM, photos - 1) :]]
        each = 1e3 * course.seconds / photos
        totals.append([way, f"{max(late) - late[0]:+.0f}", f"{course.peak:.0f}", f"{each:.0f}"])
    publish(
        "memory",
        "Memory over many photos",
        f"python benchmarks/memory.py $HEADSHOT_DATA --photos {photos} --seed {seed} "
        f"--ways {','.join(courses)}",
        "Resident memory of the process in MB after so many photos of mixed sizes (40 to 1600 pixels a side, "
        "60 % without a face, the others with up to six), all faces.",
        table(["way", *map(str, steps)], rows),
        f"Most above the memory after {FLAT_FROM} photos, in MB; the peak of the whole process; processor "
        "time a photo in milliseconds.",
        table(["way", f"growth after {FLAT_FROM}", "peak", "ms a photo"], totals),
        f"One photo of {HUGE[0] * HUGE[1] / 1e6:.0f} megapixels: peak {huge.peak:.0f} MB, "
        f"{huge.seconds:.1f} s of processor time, start included.",
    )
    over = [way for way, course in courses.items() if course.peak > LIMIT and way != "threads"]
    if over:
        raise SystemExit(f"above {LIMIT} MB: {', '.join(over)}")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("data", type=Path, help="folder of the research data (docs/reference/data.md)")
    parser.add_argument("--photos", type=int, default=2000, help="how many [%(default)s]")
    parser.add_argument("--seed", type=int, default=0, help="of the photos [%(default)s]")
    parser.add_argument("--ways", default="command,api,threads,keypoint", help="[%(default)s]")
    parser.add_argument("--folder", type=Path, help="keep the photos here, and take those that are there")
    parser.add_argument("--logs", type=Path, default=Path("memory"), help="folder for logs [%(default)s]")
    parser.add_argument("--worker", choices=sorted(WAYS), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.worker:
        WAYS[arguments.worker]([photo for photo, _ in find_photos([arguments.data])])
        return
    arguments.logs.mkdir(parents=True, exist_ok=True)
    courses = {}
    with tempfile.TemporaryDirectory() as name:
        folder, out = arguments.folder or Path(name) / "photos", Path(name) / "out"
        if not folder.is_dir():
            print(write_mixed_photos(arguments.data, folder, arguments.photos, arguments.seed))
        photos = [photo for photo, _ in find_photos([folder])]
        if len(photos) != arguments.photos:
            parser.error(f"{folder} has {len(photos)} photos, not {arguments.photos}")
        write_huge(large := Path(name) / "huge.jpg")
        command = [sys.executable, "-u", "-m", "headshot", "reconstruct", str(large), "-o", str(out)]
        huge = follow(command, [large], arguments.logs / "huge.tsv")
        for way in arguments.ways.split(","):
            command = [sys.executable, "-u", "-m", "headshot", "reconstruct", str(folder), "-r"]
            command += ["--face", "all", "-o", str(out)]
            if way != "command":
                command = [sys.executable, __file__, str(folder), "--worker", way]
            courses[way] = follow(command, photos, arguments.logs / f"{way}.tsv")
    show(courses, arguments.photos, arguments.seed, huge)


if __name__ == "__main__":
    main()
