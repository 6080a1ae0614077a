#!/usr/bin/env python3
"""Writes a C file that holds files as a `struct file` table: embed.py OUT.c TABLE_NAME BASE_DIR FILE...

The names in the table are the paths below BASE_DIR; the bytes come in by the assembler's .incbin.
"""
import os
import sys

out, table, base, *paths = sys.argv[1:]
base = os.path.realpath(base)

with open(out, "w", encoding="utf-8") as c:
    c.write('#include "common/base/file.h"\n\n')
    for number, path in enumerate(paths):
        label = f"{table}_{number}"
        c.write(
            f'__asm__(".section .rodata\\n.balign 16\\n{label}:\\n'
            f'.incbin \\"{os.path.realpath(path)}\\"\\n.byte 0\\n.previous");\n'
            f"extern const char {label}[] __asm__(\"{label}\");\n"
        )
    c.write(f"\nextern const struct file {table}[];\nconst struct file {table}[] = {{\n")
    for number, path in enumerate(paths):
        name = os.path.relpath(os.path.realpath(path), base)
        c.write(f'        {{"{name}", {table}_{number}, {os.path.getsize(path)}}},\n')
    c.write("        {0, 0, 0},\n};\n")
