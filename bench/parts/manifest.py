"""The commands of languages/NAME/language.ini, so that the bare side uses the very flags that the
sandbox uses, without a second list of them here."""
import os
import re
import shutil

PLACES = ("/usr/local/go/bin", "/usr/local/bin", "/usr/bin")  # as src/language/ looks


class Manifest:
    def __init__(self, path):
        self.path = path
        self.sections = {}
        section = key = None
        for line in path.read_text(encoding="utf-8").splitlines():
            text = line.strip()
            if not text or text[0] in "#;":
                continue
            if text[0] == "[":
                section = self.sections.setdefault(text.strip("[]"), {})
                key = None
            elif line[0].isspace() and key:
                section[key] += " " + text  # a list goes on over indented lines
            else:
                key, _, value = (part.strip() for part in line.partition("="))
                section[key] = f"{section[key]} {value}" if key in section else value

    def tool(self, name):
        for candidate in self.sections["tools"][name].split():
            paths = [candidate] if candidate[0] == "/" else \
                [f"{place}/{candidate}" for place in PLACES] + [shutil.which(candidate) or ""]
            for path in paths:
                if path and os.access(path, os.X_OK):
                    return os.path.realpath(path)
        raise FileNotFoundError(f"{self.path}: tool {name} is not on this host")

    def command(self, stage, **values):
        """The stage's words, with tools and `values` in place; {args} is no word at all, and the files
        that a compiler is given are the source alone."""
        def replace(match):
            name = match.group(1)
            if name.startswith("files:"):
                name = "source"
            return values[name] if name in values else self.tool(name)
        words = self.sections[stage]["command"].split()
        return [re.sub(r"\{([^}]+)\}", replace, w) for w in words if w != "{args}"]
