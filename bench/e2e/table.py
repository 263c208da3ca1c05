"""The figures, as a table and as lines of a file."""

import dataclasses
import statistics


@dataclasses.dataclass
class Figure:
    """Something that was measured of several programs, in rounds."""

    what: str
    unit: str
    base: str | None = None
    targets: tuple = ()
    # Where it stands in a series.
    at: int | None = None
    values: dict = dataclasses.field(default_factory=dict)

    def add(self, program, value):
        self.values.setdefault(program, []).append(value)

    def median(self, program):
        return statistics.median(self.values[program])

    def ratios(self, program, base):
        """Of each round; a round is a few seconds, in which the machine is as good to one as to the other."""
        if base not in self.values or program not in self.values:
            return []
        return [one / other for one, other in zip(self.values[program], self.values[base])]

    def verdicts(self):
        """Each target: what there is instead, and whether it is met."""
        for target in self.targets:
            if target.against is None:
                if target.by in self.values:
                    yield target, self.median(target.by)
            elif ratios := self.ratios(target.by, target.against):
                yield target, statistics.median(ratios)


def number(value):
    return f"{value:,.0f}" if value >= 1000 else f"{value:.3g}"


def table(figures):
    """Markdown: a line for each figure, a column for each program, with the ratio to the base in brackets."""
    programs = list(dict.fromkeys(program for figure in figures for program in figure.values))
    lines = [f"| | unit | {' | '.join(programs)} |", "| --- | --- |" + " ---: |" * len(programs)]
    for figure in figures:
        cells = []
        for program in programs:
            if program not in figure.values:
                cells.append("–")
                continue
            ratios = figure.ratios(program, figure.base)
            ratio = f" ({statistics.median(ratios):.2f})" if ratios and program != figure.base else ""
            cells.append(f"{number(figure.median(program))}{ratio}")
        lines.append(f"| {figure.what} | {figure.unit} | {' | '.join(cells)} |")
    return "\n".join(lines)


def verdicts(figures):
    lines = ["| | whose | measured | target | |", "| --- | --- | ---: | ---: | --- |"]
    for figure in figures:
        for target, value in figure.verdicts():
            whose = f"{target.by} ÷ {target.against}" if target.against else target.by
            measured = f"{value:.2f}" if target.against else number(value)
            word = "met" if target.is_met(value) else "not met"
            lines.append(f"| {figure.what}, {figure.unit} | {whose} | {measured} | {target} | {word} |")
    return "\n".join(lines)


def lines(figures):
    """Tab-separated: what, unit, program, median, ratio to the base with its lowest and highest."""
    yield "what\tunit\tprogram\tmedian\tbase\tratio\tlowest\thighest"
    for figure in figures:
        for program in figure.values:
            ratios = figure.ratios(program, figure.base)
            told = [f"{statistics.median(ratios):.3f}", f"{min(ratios):.3f}", f"{max(ratios):.3f}"] if ratios else [""] * 3
            yield "\t".join([figure.what, figure.unit, program, f"{figure.median(program):.3f}", figure.base or "", *told])
