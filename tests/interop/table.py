"""Cases and their results: peers beside each other, features below each other.

A feature is spelt "what it is, in which way". What is before the comma is its row in the short table.
"""

import contextlib
import traceback

YES, CANNOT, FAILED = "yes", "cannot", "FAILED"
SHORT = {YES: "yes", CANNOT: "–", FAILED: "**failed**"}


class Failure(Exception):
    """A case that did not go as it should."""


def check(condition, said):
    if not condition:
        raise Failure(said)


class Table:
    """The result of each feature with each peer. One that was not tried has none."""

    def __init__(self, title, peers):
        self.title = title
        self.peers = peers
        self.rows = {}
        self.failures = []

    @contextlib.contextmanager
    def case(self, feature, peer):
        """Runs the body as a case: what it raises becomes a failure in the table."""
        try:
            yield
            self.rows.setdefault(feature, {}).setdefault(peer, YES)
        except Exception as error:
            told = str(error) if isinstance(error, Failure) else traceback.format_exc()
            self.rows.setdefault(feature, {})[peer] = FAILED
            self.failures.append(f"{self.title}: {feature}: {peer}\n{indent(told)}")

    def cannot(self, feature, peer):
        """The peer does not have the feature."""
        self.rows.setdefault(feature, {}).setdefault(peer, CANNOT)

    def take(self, other):
        """Adds the peers, the features and the failures of a table with the same title."""
        self.peers = [*self.peers, *(peer for peer in other.peers if peer not in self.peers)]
        for feature, results in other.rows.items():
            self.rows.setdefault(feature, {}).update(results)
        self.failures += other.failures

    def tried(self):
        return sum(result != CANNOT for results in self.rows.values() for result in results.values())

    def print(self):
        wide = max([len(self.title), *map(len, self.rows)])
        columns = [max(len(peer), len(FAILED)) for peer in self.peers]
        print(f"{self.title:{wide}}", *(f"{p:{w}}" for p, w in zip(self.peers, columns)), sep="  ")
        for feature, results in self.rows.items():
            cells = (f"{results.get(p, ''):{w}}" for p, w in zip(self.peers, columns))
            print(f"{feature:{wide}}", *cells, sep="  ")
        print()

    def short(self):
        """A row for all ways of a feature."""
        short = {}
        for feature, results in self.rows.items():
            row = short.setdefault(feature.partition(",")[0], {})
            for peer, result in results.items():
                row[peer] = worst(row.get(peer, result), result)
        return short

    def markdown(self):
        """The short table: the features for which more than one peer was asked."""
        short = {feature: row for feature, row in self.short().items() if len(row) > 1}
        peers = [peer for peer in self.peers if any(peer in row for row in short.values())]
        lines = [f"| {self.title} | {' | '.join(peers)} |", "| --- |" + " --- |" * len(peers)]
        for feature, row in short.items():
            lines.append(f"| {feature} | {' | '.join(SHORT.get(row.get(peer), ' ') for peer in peers)} |")
        return "\n".join(lines) + "\n"


def write_markdown(path, tables):
    """Into a file of its own, or between the two marks in one that has them."""
    text = "\n".join(table.markdown() for table in tables if len(table.peers) > 1)
    begin, end = "<!-- table -->\n", "<!-- end of table -->\n"
    old = path.read_text() if path.exists() else ""
    if begin in old:
        text = old[:old.index(begin) + len(begin)] + text + old[old.index(end):]
    path.write_text(text)


def differences(path, tables):
    """What the short tables in a file say else of the peers that were tried."""
    said, columns = {}, None
    for line in path.read_text().splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")] if line.startswith("|") else []
        if not cells or columns is None:
            columns = cells or None
        elif cells[0] != "---":
            for peer, cell in zip(columns[1:], cells[1:]):
                said[columns[0], cells[0], peer] = cell
    found = []
    titles = {title for title, _, _ in said}
    for table in (table for table in tables if table.title in titles):
        short = table.short()
        for (title, feature, peer), cell in said.items():
            if title == table.title and peer in table.peers:
                tried = SHORT.get(short.get(feature, {}).get(peer), "")
                if tried != cell:
                    found.append(f"{path}: {title}: {feature}: {peer}: said {cell!r}, tried {tried!r}")
        known = {(feature, peer) for title, feature, peer in said if title == table.title}
        for feature, row in short.items():
            found += [f"{path}: {table.title}: {feature}: {peer}: not there" for peer in row
                      if len(row) > 1 and (feature, peer) not in known]
    return found


def worst(one, other):
    """A feature that a peer has in some ways and not in others is one that it has."""
    return next(result for result in (FAILED, YES, CANNOT) if result in (one, other))


def indent(text):
    lines = text.strip().splitlines()
    if len(lines) > 60:
        lines = lines[:20] + ["..."] + lines[-40:]
    return "\n".join("    " + line for line in lines)
