"""The report page of a recording that was cleaned: what it needs is measured, and the page written."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aural.audio.atomic import Part, Results
from aural.audio.files import AudioFile, Info, open_audio
from aural.cleaning.removed import Removed, keeping
from aural.errors import AudioError, ParameterError
from aural.measure.course import COLUMNS, Course, CourseMeter
from aural.pages.comparison import compose_comparison
from aural.pages.page import check_page
from aural.pages.report import Sound, compose, links
from aural.pages.sound import Passage, Version, clips, most_changed
from aural.parameters import hint
from aural.signals import Block, Format
from aural.stream import UNWATCHED, Watch

if TYPE_CHECKING:
    from aural.cleaning.running import Cleaned

AUDIO = ("excerpts", "full", "link")
PASSES = 4
"""How many times the recording goes by at most while a report is made."""


def report(done: Cleaned, path: str | Path, audio: str = AUDIO[0], *, replace: bool = False) -> None:
    """Write a page that shows what was done to a recording: one file, which any browser opens offline.

    Args:
        done: what `clean` returned; its source and result must still be there.
        path: where the page goes (.html).
        audio: what can be heard on it: `excerpts` where most was changed, the `full` recording, or, by a `link`,
            the files themselves as long as they stay where they are.
        replace: whether a file that exists may be replaced.

    Raises:
        AudioError: source or result cannot be read, or the page cannot be written.
        ParameterError: `audio` is something else.
    """
    check_page(Path(path))
    info = done.before.info
    source, target = _opened(done.source, info), _opened(done.target, info)
    removed = Removed()
    if audio in ("excerpts", "full"):
        for _ in keeping(done.chain, removed).render(source, source.format).blocks:
            pass
    with Results(replace, likes=[done.source, done.target]) as results:
        write_report(results.open(path), done, source, target, removed, audio)


def compare(
    versions: Mapping[str, str | Path],
    path: str | Path,
    *,
    matched: bool = True,
    track: int | None = None,
    replace: bool = False,
    watch: Watch = UNWATCHED,
) -> None:
    """Write a page that plays versions of a recording, switched in place: what it was, and results, takes or stems.

    Args:
        versions: recordings by the names that they have on the page; the first is what the others were made of.
        path: where the page goes (.html).
        matched: whether they can be heard equally loud; stems are not, as they are parts of a whole.
        track: of the first, which of several sound tracks.
        replace: whether a file that exists may be replaced.
        watch: sees the recordings go by.

    Raises:
        AudioError: there is one version only, a recording cannot be read, or the page cannot be written.
    """
    if len(versions) < 2:
        raise AudioError("a comparison needs two versions")
    check_page(Path(path))
    first, second, *_ = versions
    files = {name: open_audio(file, track=track if name == first else None) for name, file in versions.items()}
    columns = 2 * COLUMNS // len(files)  # pictures share what the two of a report have
    courses = {name: course(watch(file, file.format), file.format, columns) for name, file in files.items()}
    heard = [Version(name, watch(file, file.format), file.format) for name, file in files.items()]
    quiet = {} if matched else {name: first for name in versions if name != first}
    sound = {"passages": clips(heard, most_changed(courses[first], courses[second], len(files)), quiet)}
    with Results(replace, likes=list(versions.values())) as results:
        title = Path(versions[first]).name
        results.open(path).write(compose_comparison(title, courses, sound).encode("utf-8"))


def _opened(path: Path, info: Info | None) -> AudioFile:
    """Open a file of which that sound track is meant that was cleaned."""
    file = open_audio(path)
    several = info and 1 < info.tracks == file.info.tracks
    return open_audio(path, track=info.track) if info and several else file


def write_report(
    part: Part,
    done: Cleaned,
    before: AudioFile,
    after: AudioFile,
    removed: Removed,
    audio: str,
    watch: Watch = UNWATCHED,
) -> dict[str, Any]:
    """Write a report to a file that was begun, of a result that may have no name yet; return what the page shows.

    What was removed must have been kept by the run.

    Raises:
        AudioError: source or result cannot be read, or the page cannot be written.
        ParameterError: `audio` is none of AUDIO.
    """
    if audio not in AUDIO:
        raise ParameterError(
            f"audio must be one of {', '.join(AUDIO)}, got {audio!r}{hint(audio, AUDIO)}",
            stage="report",
            parameter="audio",
        )
    courses = course(watch(before, before.format), before.format), course(watch(after, after.format), after.format)
    sound: Sound
    if audio == "link":
        sound = links(done, part.path.parent)
    else:
        whole = Passage(0.0, min(one.duration_s for one in courses))
        passages = [whole] if audio == "full" else most_changed(*courses)
        versions = [
            Version("before", watch(before, before.format), before.format),
            Version("after", watch(after, after.format), after.format),
        ]
        if removed.blocks and removed.output:
            versions.append(Version("removed", removed.blocks, removed.output))
        sound = {"passages": clips(versions, passages, quiet={"removed": "before"})}
    page, shown = compose(done, *courses, sound)
    part.write(page.encode("utf-8"))
    return shown


def course(blocks: Iterable[Block], source: Format, columns: int = COLUMNS) -> Course:
    """Follow a recording from its beginning to its end."""
    meter = CourseMeter(source, columns)
    for block in blocks:
        meter.update(block)
    return meter.compute()
