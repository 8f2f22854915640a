#!/usr/bin/env python3
"""Multiply-adds per instruction of each aarch64 kernel's inner loop, and stores to the stack within it, from the compiler's listing.

    cargo rustc -p nibble-core --release --lib --target aarch64-unknown-linux-musl -- --emit asm -C lto=off
    python3 docs/results/inner_loops.py target/aarch64-unknown-linux-musl/release/deps/nibble_core-*.s > docs/results/inner-loops-aarch64.md

Exits 1 if the paper's kernel has no UMLAL or a hot loop spills.
"""
import re
import sys


def multiply_adds(line):
    op, _, operands = line.strip().partition("\t")
    lanes = operands.split(",")[0]
    if op in ("sdot", "udot"):
        return 16
    if op == "usmmla":
        return 32
    if op in ("mul", "mla", "fmla") and "." in lanes:
        return {"16b": 16, "8h": 8, "4s": 4}[lanes.split(".")[1]]
    if re.fullmatch(r"[us]ml?a?u?ll?2?|[us]mull2?|[us]mlal2?", op) and "." in lanes:
        return {"8h": 8, "4s": 4}[lanes.split(".")[1]]
    return 0


def is_instruction(line):
    text = line.strip()
    return text and not text.startswith((".", "//", "/*")) and not text.endswith(":")


def functions(path):
    name, lines = None, []
    for line in open(path):
        start = re.match(r"^_ZN11nibble_core4gemm\d+(\w+?)\d+(tile\w*?)17h\w+E:", line)
        if start:
            name, lines = f"{start[1]}::{start[2]}", []
        elif name and line.startswith(".Lfunc_end"):
            yield name, lines
            name = None
        elif name:
            lines.append(line.split("//")[0].rstrip())


def inner_loop(lines):
    labels = {line[:-1]: at for at, line in enumerate(lines) if re.match(r"^\.LBB\w+:", line)}
    best = (0, [])
    for at, line in enumerate(lines):
        jump = re.match(r"^\s+(?:b\.\w+|cbn?z|tbn?z|b)\s.*?(\.LBB\w+)$", line)
        if jump and labels.get(jump[1], at) < at:
            body = [x for x in lines[labels[jump[1]] : at + 1] if is_instruction(x)]
            work = sum(map(multiply_adds, body))
            if work and (not best[0] or work / len(body) > best[0] / len(best[1])):
                best = (work, body)
    return best


failed = False
print("| kernel | multiply-adds | instructions | per instruction | stack accesses |\n|---|---|---|---|---|")
for name, lines in sorted(functions(sys.argv[1])):
    work, body = inner_loop(lines)
    if not work:
        continue
    spills = sum(bool(re.match(r"\s+(str|stp|ldr|ldp)\s+[qd].*\[sp", line)) for line in body)
    print(f"| {name} | {work} | {len(body)} | {work / len(body):.2f} | {spills} |")
    failed |= spills > 0 or name.startswith("neon_paper") and not any("umlal" in line for line in body)
sys.exit(failed)
