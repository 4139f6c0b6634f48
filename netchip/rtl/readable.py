"""Verilog that a person reads: plain names for those that a converter made up, and tests of one bit where they are used."""

import re

_ESCAPED = re.compile(r"\\(\S+) ")
_GAP = re.compile(r"(?<=[\w)\]])  +(?=\S)")
_PLAIN = re.compile(r"(?<![\\$'\w])[A-Za-z_]\w*")
_OPERAND = r"(?:\$signed\(\w+\)|[\w']+(?:\[\d+(?::\d+)?\])?)"
_TEST = re.compile(rf"{_OPERAND} (?:==|!=|<|<=|>|>=) {_OPERAND}|! {_OPERAND}|[|&] (?:{_OPERAND}|\{{ [^{{}}]* \}})")
_USED_ONCE = 3
"""Declared, assigned, used."""

_ASSIGNED = re.compile(r"^  assign (w\d+)\s+= (.*);\n", re.MULTILINE)


def plain_names(text: str) -> str:
    """Escaped names as plain ones, the same in all modules: $12 is w12, address$3 is address_3, and a word of Verilog release_."""
    taken = set(_PLAIN.findall(text))
    names: dict[str, str] = {}
    for old in dict.fromkeys(_ESCAPED.findall(text)):
        name = re.sub(r"\W+", "_", old).strip("_")
        name = f"w{name}" if name[:1].isdigit() else name
        while name in taken or name == old:
            name += "_"
        taken.add(name)
        names[old] = name
    return _GAP.sub(" ", _ESCAPED.sub(lambda found: f"{names[found[1]]} ", text))


def in_place(module: str) -> str:
    """The module with each comparison that is used once in the place of its use. A result of one bit has that bit anywhere."""
    for name, test in _ASSIGNED.findall(module):
        declared, assigned = f"  wire {name} ;\n", re.compile(rf"^  assign {name}\s+= (.*);\n", re.MULTILINE)
        found = assigned.search(module)
        once = len(re.findall(rf"\b{name}\b", module)) == _USED_ONCE and not re.search(rf"\b{name} *\[", module)
        if once and found is not None and declared in module and _TEST.fullmatch(test.strip()):
            words = f"({found[1].strip()}) "
            rest = assigned.sub("", module.replace(declared, ""))
            module = re.sub(rf"\b{name}\b ?", lambda _, put=words: put, rest)
    return module
