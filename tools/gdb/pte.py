"""What one table entry means: the same algebra as arch/include/arch/pte.h."""

P, W, U, PWT, PCD, A, D, PS, G = (1 << n for n in range(9))
SPECIAL, NX = 1 << 9, 1 << 63
ADDR = 0x000ffffffffff000
NAMES = {1: "PT", 2: "PD", 3: "PDPT", 4: "PML4", 5: "PML5"}
NOT_PRESENT = {1: "noaccess", 2: "swap", 3: "migrating", 4: "marker"}
SOFT = ((1 << 58, "soft-dirty"), (1 << 57, "uffd-wp"), (1 << 56, "locked"))


def shift(level):
    return 12 + 9 * (level - 1)


def kind(e, level):
    if e & P:
        if level > 1:
            return "huge" if e & PS else "table"
        return "special" if e & SPECIAL else "present"
    return "none" if not e else NOT_PRESENT.get((e >> 1) & 7, "none")


def is_leaf(e, level):
    return kind(e, level) in ("huge", "special", "present")


def words(e, level):
    """The flags of an entry in words, most important first."""
    k = kind(e, level)
    if k == "none":
        return "not present: nothing mapped"
    w = []
    if k == "huge":
        w.append("1 GB page" if level == 3 else "2 MB page")
    elif k == "present":
        w.append("4 KB page")
    elif k == "special":
        w.append("4 KB page without count (zero page or device)")
    elif k == "table":
        w.append("table")
    else:
        w.append("not present: " + k)
    if e & P or k == "noaccess":
        w.append("writable" if e & W else "read-only")
        w.append("user" if e & U else "supervisor")
        w.append("no-execute" if e & NX else "executable")
        w += [name for bit, name in ((A, "accessed"), (D, "dirty")) if e & bit and
              (bit == A or k != "table")]
        if k != "table" and e & G:
            w.append("global")
        if e & PCD:
            w.append("uncached")
    w += [name for bit, name in SOFT if e & bit and k != "table"]
    return ", ".join(w)
