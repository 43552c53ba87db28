"""Converts matplotlib's SVG to a small one that a page can include: no style attributes, few digits, unique names.

A page's content-security policy refuses style attributes, so they become presentation attributes; the trials of points
and lines become ``data-trial``.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Final
from xml.etree import ElementTree as ET

POINTS: Final = "points-"
CURVE: Final = "curve-"
NAMESPACE: Final = "http://www.w3.org/2000/svg"
XLINK: Final = "{http://www.w3.org/1999/xlink}href"
FONTS: Final = "DejaVu Sans, Verdana, sans-serif"
NUMBER: Final = re.compile(r"-?\d+\.\d+")
SPACE: Final = re.compile(r"\s*([A-Za-z])\s*|\s+")
REFERENCE: Final = re.compile(r"#([^\s)\"']+)")


def finished(source: bytes, name: str, points: Mapping[str, Sequence[int]], title: str, alternative: str) -> str:
    """Return the SVG of a figure.

    Args:
        source: matplotlib's output.
        name: of the figure; names within the SVG begin with it.
        points: the trials of each group of points, in the order of the points, by the group's id.
    """
    root = ET.fromstring(source)  # noqa: S314 - our own drawing, not a user's file
    _drop(root, {"metadata", "style"})
    _tag_points(root, points)
    _rename(root, name)
    for element in root.iter():
        _slim(element)
    _hoist(root)
    root.attrib |= {"font-family": FONTS, "stroke-linejoin": "round", "role": "img"}
    for place, (tag, text) in enumerate((("title", title), ("desc", alternative))):
        described = ET.Element(f"{{{NAMESPACE}}}{tag}")
        described.text = text
        root.insert(place, described)
    ET.register_namespace("", NAMESPACE)
    return ET.tostring(root, encoding="unicode") + "\n"


def _drop(root: ET.Element, tags: set[str]) -> None:
    for parent in list(root.iter()):
        for child in list(parent):
            if _tag(child) in tags:
                parent.remove(child)


def _tag_points(root: ET.Element, points: Mapping[str, Sequence[int]]) -> None:
    for group in root.iter(f"{{{NAMESPACE}}}g"):
        name = group.get("id", "")
        if name.startswith(CURVE):
            for path in group.iter(f"{{{NAMESPACE}}}path"):
                if path.get("d", "").strip():
                    path.set("data-trial", name.removeprefix(CURVE))
        elif name in points:
            uses = list(group.iter(f"{{{NAMESPACE}}}use"))
            assert len(uses) == len(points[name]), f"{len(uses)} points for {len(points[name])} trials"
            for use, trial in zip(uses, points[name], strict=True):
                use.set("data-trial", str(trial))


def _rename(root: ET.Element, name: str) -> None:
    """Drop the ids that nothing refers to, and prefix the others with the figure's name."""
    used = {
        found
        for element in root.iter()
        for value in (element.get(XLINK, ""), element.get("clip-path", ""), element.get("style", ""))
        for found in REFERENCE.findall(value)
    }
    for element in root.iter():
        identifier = element.attrib.pop("id", None)
        if identifier in used:
            element.set("id", f"{name}-{identifier}")
        target = element.attrib.pop(XLINK, None)
        if target is not None:
            element.set("href", f"#{name}-{target[1:]}")
        for key in ("clip-path", "style"):
            if "#" in element.get(key, "") and "url(" in element.get(key, ""):
                element.set(key, element.get(key, "").replace("url(#", f"url(#{name}-"))


def _slim(element: ET.Element) -> None:
    for part in (element.attrib.pop("style", None) or "").split(";"):
        key, _, value = part.partition(":")
        if value and key.strip() != "font-family":
            element.set(key.strip(), value.strip())
    if element.get("transform", "").startswith("rotate(-0 "):
        del element.attrib["transform"]
    for key in ("d", "x", "y", "transform", "points", "width", "height"):
        number = element.get(key)
        if number is not None and element.tag != f"{{{NAMESPACE}}}svg":
            element.set(key, NUMBER.sub(_short, number))
    path = element.get("d")
    if path is not None:
        element.set("d", SPACE.sub(lambda found: found.group(1) or " ", path).strip())
    if element.text is not None and not element.text.strip() and _tag(element) not in {"text", "tspan"}:
        element.text = None
    if element.tail is not None and not element.tail.strip():
        element.tail = None


def _short(found: re.Match[str]) -> str:
    text = f"{float(found.group()):.2f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def _hoist(root: ET.Element) -> None:
    """Move what all points of a group have in common to the group."""
    for group in list(root.iter(f"{{{NAMESPACE}}}g")):
        children = list(group)
        if len(children) < 2 or any(_tag(child) != "use" for child in children):
            continue
        for key in list(children[0].attrib):
            values = {child.get(key) for child in children}
            if len(values) == 1 and key not in {"x", "y", "href", "data-trial"}:
                group.set(key, children[0].attrib[key])
                for child in children:
                    del child.attrib[key]


def _tag(element: ET.Element) -> str:
    return str(element.tag).rpartition("}")[2]
