"""What holds for each screen of the command."""

import json
import re
import unicodedata

# The ANSI codes (SGR) of `src/cli/io/style.rs`, of headings, of labels and of the QR code.
COLOURS = {"0", "1", "2", "31", "32", "33", "36", "31;1", "33;1", "38;5;16;48;5;231"}
SGR = re.compile("\x1b\\[([0-9;]*)m")
# Begins the line again: the last line was a status line.
CLEAR_LINE = "\r\x1b[K"

# A word of any length: an address, a path, a variable, a token, or a command in backticks.
ONE_WORD = re.compile(r"^(\S+|[^\s`]?`[^`]*`\S*)$")
# A command, an example or a JSON value, which is copied as one line.
COPIED = re.compile(r'^(acspass|az|export|ssh|curl|systemctl|[A-Z_]+=|"[^"]+": ")')


def final(raw):
    """Returns what remains on the screen: a line that was cleared is gone."""
    return "\n".join(line.rpartition(CLEAR_LINE)[2].rstrip("\r") for line in raw.split("\n"))


def without_colour(text):
    return SGR.sub("", text)


def width(line):
    """Returns the columns that a line needs."""
    wide = sum(unicodedata.east_asian_width(c) in "WF" for c in line)
    return len(line) + wide - sum(unicodedata.combining(c) > 0 for c in line)


def codes(screen, is_coloured):
    """Returns the escape sequences that must not be there."""
    found = SGR.findall(screen)
    wrong = {code for code in found if not is_coloured or code not in COLOURS}
    faults = [f"the code `{code}`" for code in sorted(wrong)]
    if "\x1b" in SGR.sub("", screen):
        faults.append("an escape sequence other than colour")
    return faults


def faults(text, columns):
    """Returns the faults of a screen without colour."""
    found = []
    lines = text.rstrip("\n").split("\n")
    for line, next_line in zip(lines, [*lines[1:], ""]):
        shown = f"`{line}`"
        word = line.strip()
        if width(line) > columns and not ONE_WORD.match(word) and not COPIED.match(word):
            found.append(f"a word is broken at the edge: {shown}")
        if line.strip() and line.endswith(" ") and not re.search("[▀▄█]", line):
            found.append(f"a space at the end: {shown}")
        if re.search(r"(^|[\s(])\d+$", line) and re.match(r"\s*(ms|s|min|h|d|days?)\b", next_line):
            found.append(f"a number without its unit: {shown}")
        if re.search(r"[^.]\.\.$|,,|\.:|:\.( |$)|\.;|\?\.( |$)", line):
            found.append(f"double punctuation: {shown}")
    if re.search(r"\n *\n *\n", text.strip("\n")):
        found.append("two empty lines")
    return found


def json_faults(text):
    """Returns the fault of a screen that is not indented JSON."""
    try:
        value = json.loads(text)
    except ValueError as error:
        return [f"no JSON: {error}"]
    return [] if text == json.dumps(value, indent=2, ensure_ascii=False) + "\n" else ["the JSON is not indented"]


def words(text):
    """Returns the words, without all that differs from run to run: numbers, ids, tokens. A
    value in brackets is a column in a wide terminal."""
    text = re.sub(r"\?\S+", "?", text)
    text = re.sub(r"eyJ[\w.-]+", "TOKEN", text)
    text = re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}", "GUID", text)
    text = re.sub(r"\.(40|80|120)\.(colour|plain)", "", text)
    text = re.sub(r"\d+", "0", text)
    return re.sub("[()]", "", text).split()


def difference(left, right):
    """Returns the first words that are not the same."""
    for number, pair in enumerate(zip([*left, None], [*right, None])):
        if pair[0] != pair[1]:
            return " / ".join(" ".join(part[number : number + 5]) for part in (left, right))
    return ""
