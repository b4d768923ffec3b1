"""Names of colors: those of CSS and of traditional Chinese colors, each with its sRGB value.

A curator knows a robe's color as a word (月白, 殷红), a designer as that of a style sheet (rebeccapurple).
"""

import functools
import re

from runtime.names import nearest_name

# The values commonly published as the names of Chinese traditional colors (中国传统色彩名录), of pigments, dyes, plants
# and silks; a name has no single true value, as a dye varies with its bath.
TRADITIONAL = {
    "粉红": "#ffb3a7", "妃色": "#ed5736", "品红": "#f00056", "桃红": "#f47983", "海棠红": "#db5a6b",
    "石榴红": "#f20c00", "樱桃色": "#c93756", "银红": "#f05654", "大红": "#ff2121", "绛紫": "#8c4356",
    "绯红": "#c83c23", "胭脂": "#9d2933", "朱红": "#ff4c00", "朱砂": "#ff461f", "银朱": "#bf242a",
    "朱膘": "#f36838", "丹": "#ff4e20", "彤": "#f35336", "茜色": "#cb3a56", "火红": "#ff2d51",
    "赫赤": "#c91f37", "嫣红": "#ef7a82", "洋红": "#ff0097", "炎": "#ff3300", "赤": "#c3272b",
    "绾": "#a98175", "枣红": "#c32136", "檀": "#b36d61", "殷红": "#be002f", "酡红": "#dc3023",
    "酡颜": "#f9906f",
    "鹅黄": "#fff143", "鸭黄": "#faff72", "樱草色": "#eaff56", "杏黄": "#ffa631", "杏红": "#ff8c31",
    "橘黄": "#ff8936", "橙黄": "#ffa400", "橘红": "#ff7500", "姜黄": "#ffc773", "缃色": "#f0c239",
    "橙色": "#fa8c35", "藤黄": "#ffb61e", "雌黄": "#ffc64b", "雄黄": "#e9bb1d", "茶色": "#b35c44",
    "驼色": "#a88462", "昏黄": "#c89b40", "栗色": "#60281e", "棕色": "#b25d25", "棕绿": "#827100",
    "棕黑": "#7c4b00", "棕红": "#9b4400", "棕黄": "#ae7000", "赭": "#9c5333", "赭色": "#955539",
    "赭石": "#845a33", "琥珀": "#ca6924", "褐色": "#6e511e", "枯黄": "#d3b17d", "黄栌": "#e29c45",
    "秋色": "#896c39", "秋香色": "#d9b611",
    "嫩绿": "#bddd22", "柳黄": "#c9dd22", "柳绿": "#afdd22", "竹青": "#789262", "葱黄": "#a3d900",
    "葱绿": "#9ed900", "葱青": "#0eb83a", "葱倩": "#0eb840", "青葱": "#0aa344", "油绿": "#00bc12",
    "绿沈": "#0c8918", "石绿": "#16a951", "碧色": "#1bd1a5", "碧绿": "#2add9c", "青碧": "#48c0a3",
    "翡翠色": "#3de1ad", "草绿": "#40de5a", "青色": "#00e09e", "青翠": "#00e079", "青白": "#c0ebd7",
    "鸭卵青": "#e0eee8", "蟹壳青": "#bbcdc5", "鸦青": "#424c50", "绿色": "#00e500", "豆绿": "#9ed048",
    "豆青": "#96ce54", "石青": "#7bcfa6", "玉色": "#2edfa3", "缥": "#7fecad", "艾绿": "#a4e2c6",
    "松柏绿": "#21a675", "松花绿": "#057748", "松花色": "#bce672",
    "蓝": "#44cef6", "靛青": "#177cb0", "靛蓝": "#065279", "花青": "#003472", "碧蓝": "#3eede7",
    "蔚蓝": "#70f3ff", "宝蓝": "#4b5cc4", "蓝灰色": "#a1afc9", "藏青": "#2e4e7e", "藏蓝": "#3b2e7e",
    "黛": "#4a4266", "黛绿": "#426666", "黛蓝": "#425066", "黛紫": "#574266", "紫色": "#8d4bbb",
    "紫酱": "#815463", "酱紫": "#815476", "紫檀": "#4c221b", "绀青": "#003371", "绀紫": "#003371",
    "紫棠": "#56004f", "青莲": "#801dae", "群青": "#4c8dae", "雪青": "#b0a4e3", "丁香色": "#cca4e3",
    "藕色": "#edd1d8", "藕荷色": "#e4c6d0",
    "苍色": "#75878a", "苍翠": "#519a73", "苍黄": "#a29b7c", "苍青": "#7397ab", "苍黑": "#395260",
    "苍白": "#d1d9e0", "水色": "#88ada6", "水红": "#f3d3e7", "水绿": "#d4f2e7", "水蓝": "#d2f0f4",
    "淡青": "#d3e0f3", "湖蓝": "#30dff3", "湖绿": "#25f8cb",
    "精白": "#ffffff", "象牙白": "#fffbf0", "雪白": "#f2fdff", "月白": "#d6ecf0", "缟": "#f2ecde",
    "素": "#e0f0e9", "荼白": "#f3f9f1", "霜色": "#e9f1f6", "花白": "#c2ccd0", "鱼肚白": "#fcefe8",
    "莹白": "#e3f9fd", "灰色": "#808080", "牙色": "#eedeb0", "铅白": "#f0f0f4",
    "玄色": "#622a1d", "玄青": "#3d3b4f", "乌色": "#725e82", "乌黑": "#392f41", "漆黑": "#161823",
    "墨色": "#50616d", "墨灰": "#758a99", "黑色": "#000000", "缁色": "#493131", "煤黑": "#312520",
    "黧": "#5d513c", "黎": "#75664d", "黝": "#6b6882", "黝黑": "#665757", "黯": "#41555d",
    "赤金": "#f2be45", "金色": "#eacd76", "银白": "#e9e7ef", "老银": "#bacac6", "乌金": "#a78e44",
    "铜绿": "#549688",
    # Plain words, which that list does not have: the values of CSS.
    "红色": "#ff0000", "黄色": "#ffff00", "白色": "#ffffff", "粉色": "#ffc0cb", "银色": "#c0c0c0",
}  # fmt: skip
SUFFIX = "色"  # "color": 月白 and 月白色 are one name
SIMPLIFIED = str.maketrans(
    "紅緋銀櫻絳棗綰顏硃鵝鴨黃薑緗駝櫨綠蔥縹蒼藍寶紺蓮醬魚瑩鉛烏銅鴉殼",
    "红绯银樱绛枣绾颜朱鹅鸭黄姜缃驼栌绿葱缥苍蓝宝绀莲酱鱼莹铅乌铜鸦壳",
)
STRENGTH = re.compile(r"\d+(?:\.\d+)?")
MOST_STRENGTH = 2
HEX = re.compile("#[0-9a-fA-F]{6}")


def read_color(text: str) -> str:
    """Read #rrggbb or a name, of CSS or of a traditional Chinese color, as #rrggbb.

    Raises ValueError that shows what was written and, if there is one, the nearest name.
    """
    if HEX.fullmatch(text):
        return text.lower()
    if found := _named(text):
        return found
    near = nearest_name(_plain(text), _names())
    raise ValueError(
        f"invalid color {text!r}: expected #rrggbb or a name of CSS or of a traditional Chinese color"
        + (f"; the nearest is {near}" if near else "")
    )


def read_tint(text: str) -> tuple[str, float]:
    """Read a color and how much of its chroma is wanted, "#5060a0@0.5": #rrggbb, and 0 gray to 2 twice the chroma.

    Without @, the strength is 1. Raises ValueError.
    """
    color, at, strength = text.partition("@")
    if at and not (STRENGTH.fullmatch(strength) and float(strength) <= MOST_STRENGTH):
        raise ValueError(
            f"invalid strength {strength!r} of a color: expected COLOR@S, S from 0 to {MOST_STRENGTH}"
        )
    return read_color(color), float(strength) if at else 1.0


def tint(color: str, strength: float) -> str:
    """Write a color and its strength as `read_tint` reads them."""
    return color if strength == 1 else f"{color}@{strength:g}"


def _plain(text: str) -> str:
    return text.lower().replace(" ", "").translate(SIMPLIFIED)


def _named(text: str) -> str | None:
    plain, names = _plain(text), _names()
    spellings = (plain, plain + SUFFIX, plain.removesuffix(SUFFIX))
    return next((names[one] for one in spellings if one in names), None)


@functools.cache
def _names() -> dict[str, str]:
    """Return all names; those of CSS are Pillow's, which a command that names none does not import."""
    from PIL.ImageColor import colormap

    # Pillow replaces each value by a tuple when it has used it.
    css = {
        name: value if isinstance(value, str) else "#{:02x}{:02x}{:02x}".format(*value)
        for name, value in colormap.items()
    }
    return css | TRADITIONAL
