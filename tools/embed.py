#!/usr/bin/env python3
"""Writes a file's bytes as a C array: embed.py INPUT OUTPUT.c NAME

OUTPUT.c defines `const unsigned char NAME[]` and `const size_t NAME_len`.
"""
import sys


def main() -> None:
    source, target, name = sys.argv[1:4]
    data = open(source, "rb").read()
    lines = [
        ",".join(str(byte) for byte in data[i : i + 24]) + ","
        for i in range(0, len(data), 24)
    ]
    with open(target, "w", encoding="ascii") as out:
        out.write("#include <stddef.h>\n")
        out.write(f"extern const unsigned char {name}[];\nextern const size_t {name}_len;\n")
        out.write(f"const unsigned char {name}[] = {{\n" + "\n".join(lines) + "\n};\n")
        out.write(f"const size_t {name}_len = {len(data)};\n")


main()
