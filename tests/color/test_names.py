"""Colors are read by code and by name; a mistyped name is shown with the nearest one."""

import re

import matplotlib.colors
import pytest
from PIL.ImageColor import getrgb

from color import names
from color.names import TRADITIONAL, read_color, read_tint, tint


def test_codes_are_six_hexadecimal_digits() -> None:
    assert read_color("#C83c28") == "#c83c28"
    for text in ("c83c28", "#c83", "#c83c2g", "#c83c28 ", ""):
        with pytest.raises(ValueError, match=f"invalid color {text!r}: expected #rrggbb or a name"):
            read_color(text)


@pytest.mark.parametrize("used", [False, True])
def test_names_of_css_have_their_values(used: bool) -> None:
    """Pillow's table changes as its colors are used."""
    if used:
        getrgb("red")
        names._names.cache_clear()
    for name, value in matplotlib.colors.CSS4_COLORS.items():
        assert read_color(name) == value.lower()
    assert read_color("Dark Slate Blue") == "#483d8b"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("洋红", "#ff0097"), ("殷红", "#be002f"), ("朱砂", "#ff461f"), ("靛青", "#177cb0"),
        ("月白", "#d6ecf0"), ("月白色", "#d6ecf0"), ("绿", "#00e500"), ("赭", "#9c5333"),
        ("赭色", "#955539"), ("殷紅", "#be002f"), ("鴉青", "#424c50"), ("红", "#ff0000"),
    ],
)  # fmt: skip
def test_traditional_chinese_names_have_their_values_in_either_script(
    name: str, value: str
) -> None:
    assert read_color(name) == value


def test_the_table_has_a_code_for_each_of_its_names() -> None:
    assert len(TRADITIONAL) >= 160
    assert all(re.fullmatch("#[0-9a-f]{6}", value) for value in TRADITIONAL.values())
    assert all(re.fullmatch("[\u4e00-\u9fff]{1,4}", name) for name in TRADITIONAL)


@pytest.mark.parametrize(
    ("text", "near"),
    [("navvy", "navy"), ("drkgreen", "darkgreen"), ("殷虹", "殷红"), ("月兰", "月白")],
)
def test_a_mistyped_name_is_refused_with_the_nearest(text: str, near: str) -> None:
    with pytest.raises(ValueError, match=f"invalid color {text!r}: .*; the nearest is {near}$"):
        read_color(text)


def test_a_color_may_have_a_strength() -> None:
    for text, tinted in {
        "#5060A0": ("#5060a0", 1),
        "月白@0.5": ("#d6ecf0", 0.5),
        "navy@0": ("#000080", 0),
    }.items():
        assert read_tint(text) == tinted
        assert read_tint(tint(*tinted)) == tinted
    assert tint("#5060a0", 1.0) == "#5060a0"
    for text in ("navy@", "navy@x", "navy@-1", "navy@2.1", "navy@50%", "navy@nan"):
        with pytest.raises(ValueError, match="expected COLOR@S, S from 0 to 2"):
            read_tint(text)
    with pytest.raises(ValueError, match=r"invalid color 'navy@0\.5'"):  # a palette's has none
        read_color("navy@0.5")


def test_a_name_like_no_other_has_no_nearest() -> None:
    with pytest.raises(ValueError, match=r"traditional Chinese color$"):
        read_color("12345678")
