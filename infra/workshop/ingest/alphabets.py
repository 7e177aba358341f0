"""Letters beyond ASCII by language, the most frequent first, and the encodings for them."""

from __future__ import annotations

_WESTERN = (
    "éàèêçîôùûâïëœüÿ",  # French
    "üäöß",  # German
    "óíáéñúü",  # Spanish
    "ãçáéóíõêâúàô",  # Portuguese
    "àèùòéì",  # Italian
    "äöåé",  # Swedish, Finnish
    "øåæé",  # Danish, Norwegian
    "ëéïöüè",  # Dutch
    "àóèéíçòúüï",  # Catalan
)
_ICELANDIC = ("íðáóúþæéýö",)
_CENTRAL = (
    "łąęóśżćńź",  # Polish
    "íáěéžřčšýůúťňóď",  # Czech
    "áíýčéžšúťľňôďäó",  # Slovak
    "áéőöíóüúű",  # Hungarian
    "ăîâşţșț",  # Romanian
    "čšžćđ",  # Croatian, Slovene
    "äöüß",  # German
)
_CYRILLIC = (
    "оеаинтсрвлкмдпуяыьгзбчйхжшюцщэфъё",
    "оаинітевркслдмупзябьигчхцїйжєюшщфґ",
    "аиоетнрсвдклпумзъгябчжщхцюшйьф",
)
_GREEK = ("αοιετνσηρκπμςλυίόάέγδωήθφχβύώξζψ",)
_HEBREW = ("יולהמאתרבשנםעקדחפצטכזגסןךץף",)
_ARABIC = ("اليمنتروبدعسةكفقحجهشطصخضذغثئءأزظىآؤإ",)
_TURKISH = ("ıüğşçöiâ",)
_BALTIC = ("āēīšļņūģžčķ", "ėšžųįūąčę", "äõüöšž")

# An encoding, its alphabets, and the natural logarithm of its frequency relative to Windows-1252.
ENCODINGS: tuple[tuple[str, tuple[str, ...], float], ...] = (
    ("windows-1252", _WESTERN, 0.0),
    ("iso8859-15", _WESTERN, -3.0),
    ("windows-1252", _ICELANDIC, -6.0),
    ("windows-1250", _CENTRAL, -1.5),
    ("iso8859-2", _CENTRAL, -3.0),
    ("windows-1251", _CYRILLIC, -2.0),
    ("koi8-u", _CYRILLIC, -4.0),
    ("iso8859-5", _CYRILLIC, -5.0),
    ("cp866", _CYRILLIC, -5.0),
    ("windows-1253", _GREEK, -3.0),
    ("iso8859-7", _GREEK, -4.0),
    ("windows-1254", _TURKISH, -2.0),
    ("windows-1255", _HEBREW, -3.0),
    ("windows-1256", _ARABIC, -3.0),
    ("windows-1257", _BALTIC, -3.5),
    ("mac-roman", _WESTERN, -4.0),
    ("cp850", _WESTERN, -4.0),
    ("cp852", _CENTRAL, -5.0),
)

# East Asian encodings: the strict codec for the detection, the codec for reading, and the log-likelihood of a character by
# its lead byte. Frequent characters are in the first level of each standard.
EAST_ASIAN: tuple[tuple[str, str, dict[range, float]], ...] = (
    ("shift_jis", "cp932", {range(0x81, 0x84): -4.5, range(0x88, 0x98): -6.5}),
    ("euc_jp", "euc_jp", {range(0xA4, 0xA6): -4.5, range(0xB0, 0xD0): -6.5}),
    ("gb2312", "gb18030", {range(0xA1, 0xA4): -6.5, range(0xB0, 0xD8): -6.5}),
    ("big5", "big5", {range(0xA1, 0xA4): -6.5, range(0xA4, 0xC7): -6.5}),
    ("euc_kr", "cp949", {range(0xA1, 0xA4): -6.5, range(0xB0, 0xC9): -5.5}),
)
