"""Makes the bundled "Inter Tabular" fonts from Inter 4.0's static OTF files.

Usage: python subset.py FOLDER_WITH_INTER_OTF (needs fonttools).

Digits become the tabular ones (Inter's feature `tnum`), so that columns of figures align without every
painter having to ask for the feature; the rest is reduced to the scripts and symbols the program shows.
"""

import sys

from fontTools import subset
from fontTools.ttLib import TTFont

DIGITS = [ord(c) for c in "0123456789"]
RANGES = [
    (0x20, 0x7E), (0xA0, 0x24F), (0x2B0, 0x3FF), (0x400, 0x45F), (0x1E00, 0x1EFF),  # Latin, Greek, Cyrillic
    (0x2000, 0x218F), (0x2190, 0x23FF), (0x2460, 0x24FF), (0x25A0, 0x27BF),  # punctuation, maths, arrows, shapes
    (0xFFFD, 0xFFFD),
]


def tabular(font):
    mapping = {}
    gsub = font["GSUB"].table
    for record in gsub.FeatureList.FeatureRecord:
        if record.FeatureTag == "tnum":
            for index in record.Feature.LookupListIndex:
                for table in gsub.LookupList.Lookup[index].SubTable:
                    mapping.update(getattr(table, "ExtSubTable", table).mapping)
    for table in font["cmap"].tables:
        for code in DIGITS:
            if table.cmap.get(code) in mapping:
                table.cmap[code] = mapping[table.cmap[code]]
    names = [font.getBestCmap()[code] for code in DIGITS]
    advance = max(font["hmtx"][name][0] for name in names)  # SemiBold's 4 is three units narrow
    for name in names:
        font["hmtx"][name] = (advance, font["hmtx"][name][1])


def rename(font):
    for record in font["name"].names:
        if record.nameID in (1, 3, 4, 16):
            record.string = record.toUnicode().replace("Inter", "Inter Tabular")
        elif record.nameID == 6:
            record.string = record.toUnicode().replace("Inter", "InterTabular")


for weight in ["Regular", "SemiBold"]:
    font = TTFont(f"{sys.argv[1]}/Inter-{weight}.otf")
    tabular(font)
    rename(font)
    options = subset.Options()
    options.layout_features = ["kern", "mark", "mkmk", "ccmp", "locl"]
    options.hinting = False
    options.name_IDs = ["*"]
    options.name_languages = ["*"]
    options.notdef_outline = True
    options.glyph_names = False
    subsetter = subset.Subsetter(options)
    subsetter.populate(unicodes=[c for low, high in RANGES for c in range(low, high + 1)])
    subsetter.subset(font)
    font["CFF "].cff.fontNames = [f"InterTabular-{weight}"]
    font.save(f"InterTabular-{weight}.otf")
