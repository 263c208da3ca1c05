"""Series of figures as plots, drawn by matplotlib in a python of its own."""

import dataclasses
import json
import pathlib
import subprocess
import sys

import install

HERE = pathlib.Path(__file__).resolve()
# What each plot shows: the part it is of, its file, what runs along, and from what to what.
PLOTS = {
    "Servers: CPU for each message, by connections": ("connections", "connections at a time"),
    "Servers: CPU for each MiB, by size": ("sizes", "octets of a message"),
}


def draw(parts, directory):
    """Draws the parts that are series into files of a directory."""
    directory.mkdir(parents=True, exist_ok=True)
    for title, figures in parts.items():
        if title not in PLOTS:
            continue
        name, along = PLOTS[title]
        unit = figures[0].unit
        lines = {}
        for figure in figures:
            for program in figure.values if figure.unit == unit else ():
                lines.setdefault(program, []).append((figure.at, figure.median(program)))
        plot = Plot(title, along, unit, lines, str(directory / f"{name}.svg"))
        subprocess.run([install.matplotlib(), HERE], input=json.dumps(dataclasses.asdict(plot)), text=True, check=True)


@dataclasses.dataclass
class Plot:
    title: str
    along: str
    unit: str
    lines: dict
    file: str


def main():
    import matplotlib

    matplotlib.use("svg")
    # Text stays text, and the same figures make the same file.
    matplotlib.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "smtp", "font.family": "sans-serif"})
    from matplotlib import pyplot

    plot = Plot(**json.load(sys.stdin))
    _, axes = pyplot.subplots(figsize=(7.2, 4.2), layout="constrained")
    for marker, (program, points) in zip("osD^vPX*", plot.lines.items()):
        axes.plot(*zip(*points), marker=marker, markersize=4, linewidth=1.4, label=program)
    axes.set(title=plot.title, xlabel=plot.along, ylabel=plot.unit, xscale="log", yscale="log")
    axes.grid(which="major", alpha=0.3)
    axes.legend(fontsize="small", frameon=False)
    pyplot.savefig(plot.file, metadata={"Date": None})


if __name__ == "__main__":
    main()
