"""Medians, ratios and tables of the measured rounds. Pure: numbers in, text out; stdlib only.

A setting's record is {"reference": name, "contestants": {name: {"rounds": [result or None, ...], "missing": reason or None}}}; a round's
ratio is the reference's examples per second divided by the contestant's in the same round.
"""
import statistics


def spread(values):
    """(median, least, largest) of the values that are there, or None."""
    values = [v for v in values if v is not None]
    return (statistics.median(values), min(values), max(values)) if values else None


def column(contestant, key):
    """One figure of every round; None where a round has no result."""
    return [result[key] if result else None for result in contestant["rounds"]]


def ratios(record, name, key="examples_per_s"):
    """The reference divided by `name`, round by round; rounds in which either is missing are left out."""
    pairs = zip(column(record["contestants"][record["reference"]], key), column(record["contestants"][name], key))
    return [a / b for a, b in pairs if a and b]


def number(value):
    """Three significant digits at most, and no exponent."""
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def spread_text(values, unit=1.0):
    found = spread(values)
    if not found:
        return "-"
    median, least, largest = (v / unit if v is not None else None for v in found)
    return number(median) if least == largest else f"{number(median)} ({number(least)} to {number(largest)})"


def batch_ms(contestant):
    """Mean milliseconds of a batch, one a round. (tilefit tells the time of all batches only, so no median.)"""
    return [1e3 * statistics.fmean(result["step_s"]) if result else None for result in contestant["rounds"]]


def rows(record, task):
    """Header and one row a contestant."""
    header = ["contestant", "examples/s", f"{record['reference']} is as fast, times", "peak memory, GB"]
    header.append("until the first step, s" if task == "train" else "ms a batch")
    table = [header]
    for name, contestant in record["contestants"].items():
        if not any(contestant["rounds"]):
            table.append([name, f"not available: {contestant['missing']}", "", "", ""])
            continue
        own = name == record["reference"]
        last = spread_text(column(contestant, "start_s")) if task == "train" else spread_text(batch_ms(contestant))
        table.append([name, spread_text(column(contestant, "examples_per_s")), "" if own else spread_text(ratios(record, name)),
                      spread_text(column(contestant, "peak_rss_bytes"), 1e9), last])
    return table


def text_table(table):
    """Columns padded with blanks. Long texts of the second column may run over the empty ones after it."""
    short = [row for row in table if any(row[2:])]
    widths = [max(len(row[i]) for row in (table if i == 0 else short)) for i in range(len(table[0]))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in table)


def markdown_table(table):
    def line(cells):
        return "| " + " | ".join(str(cell).replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"

    return "\n".join([line(table[0]), "|" + "---|" * len(table[0]), *map(line, table[1:])])


def best_peer(record):
    """Name of the contestant with the largest median examples/s beside tilefit's own, or None."""
    medians = {name: spread(column(c, "examples_per_s"))[0] for name, c in record["contestants"].items()
               if not name.startswith("tilefit") and any(c["rounds"])}
    return max(medians, key=medians.get) if medians else None
