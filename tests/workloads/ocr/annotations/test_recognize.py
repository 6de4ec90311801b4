"""Which annotations a folder has, and of which format: by the set of its files."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
from PIL import Image
from scipy.io import savemat

from workbench.errors import BadInput
from workbench.files import files_below
from workbench.workloads.ocr.annotations.formats import FORMATS, NO_FORMAT
from workbench.workloads.ocr.annotations.recognize import AnnotationSet, find_annotations
from workbench.workloads.ocr.knobs import OcrKnobs
from workbench.workloads.ocr.pages.image_index import ImageIndex
from workbench.workloads.ocr.pages.survey import survey

QUAD = "10,10,50,10,50,30,10,30"
WORD = {"points": [[10, 10], [50, 10], [50, 30], [10, 30]]}
UFO = {"images": {"img_1.jpg": {"words": {"0001": WORD}}}}
MMOCR = {"metainfo": {}, "data_list": [{"img_path": "img_1.jpg", "instances": []}]}
COCO = {"images": [{"file_name": "img_1.jpg", "id": 0}], "annotations": []}
LABELME = {"shapes": [], "imagePath": "img_1.jpg"}
COCO_LINE = json.dumps({"file_name": "img_1.jpg", "annotations": [{"bbox": [1, 1, 4, 4], "segmentation": []}]})
BOX = [10, 10, 50, 30]
HIERTEXT = {"annotations": [{"image_id": "img_1", "paragraphs": []}]}
TEXTOCR = {"imgs": {"img_1": {}}, "anns": {}, "imgToAnns": {}}
FUNSD = {"form": [{"box": BOX, "text": "A", "words": []}]}
XFUND = {"documents": [{"img": {"fname": "img_1.jpg"}, "document": FUNSD["form"]}]}
CORD = {"valid_line": [], "meta": {"image_size": {}}, "dontcare": [], "roi": {}}
LSVT = {"img_1": [{"transcription": "A", "illegibility": False, **WORD}]}
DAVAR = {"img_1.jpg": {"content_ann": {"bboxes": [BOX]}}}
PADDLEOCR = f"img_1.jpg\t{json.dumps([WORD])}"
TOTALTEXT = "x: [[259 313 389]], y: [[542 462 417]], ornt: [u'c'], transcriptions: [u'PAUL']"
POLYGON = "140,629,189,845,358,989,550,1009,206,633"

VOC = "<annotation><filename>img_1.jpg</filename></annotation>"
CVAT = '<annotations><version>1.1</version><image name="img_1.jpg"/></annotations>'
PAGE = '<PcGts xmlns="http://schema.primaresearch.org/PAGE/gts/pagecontent/2019-07-15"><Page/></PcGts>'
ALTO = '<alto xmlns="http://www.loc.gov/standards/alto/ns-v4#"><Layout><Page/></Layout></alto>'
SVT = "<tagset><image><imageName>img_1.jpg</imageName></image></tagset>"


@pytest.fixture
def find(tmp_path):
    """Finds the annotations of the test's folder."""

    def find(annotations: str | None = None, annotation_format: str = "auto") -> AnnotationSet:
        index = ImageIndex(tmp_path, files_below(tmp_path))
        return find_annotations(tmp_path, index, Path(annotations) if annotations else None, annotation_format)

    return find


@pytest.fixture
def images(write):
    """Files named like three images; nobody looks into them here."""
    return [write(f"imgs/img_{number}.jpg", b"") for number in (1, 2, 3)]


@pytest.mark.parametrize(
    ("format_name", "files"),
    [
        pytest.param("ufo", {"val.json": UFO}, id="UFO"),
        pytest.param("ufo", {"val.json": b"\xef\xbb\xbf" + json.dumps(UFO).encode()}, id="byte order mark"),
        pytest.param("mmocr", {"val.JSON": MMOCR}, id="MMOCR 1.x"),
        pytest.param("coco", {"val.json": COCO}, id="COCO"),
        pytest.param("coco", {"val.txt": COCO_LINE}, id="COCO by lines"),
        pytest.param("coco", {"val.jsonl": COCO_LINE}, id="COCO by lines in jsonl"),
        pytest.param("labelme", {"img_1.json": LABELME, "img_2.json": LABELME}, id="LabelMe"),
        pytest.param("hiertext", {"gt.jsonl": HIERTEXT}, id="HierText"),
        pytest.param("coco_text", {"TextOCR.json": TEXTOCR}, id="TextOCR"),
        pytest.param("funsd", {"img_1.json": FUNSD, "img_2.json": FUNSD}, id="FUNSD"),
        pytest.param("xfund", {"zh.train.json": XFUND}, id="XFUND"),
        pytest.param("cord", {"img_1.json": CORD, "img_2.json": CORD}, id="CORD"),
        pytest.param("lsvt", {"train_full_labels.json": LSVT}, id="LSVT"),
        pytest.param("davar", {"datalist.json": DAVAR}, id="DAVAR"),
        pytest.param("paddleocr", {"Label.txt": PADDLEOCR}, id="PaddleOCR"),
        pytest.param("paddleocr", {"Label.txt": "img_1.jpg\t[]"}, id="PaddleOCR without words"),
        pytest.param("totaltext", {"poly_gt_img_1.txt": TOTALTEXT}, id="Total-Text"),
        pytest.param("totaltext", {"gt_img_1.txt": f"{POLYGON},A"}, id="flat polygons"),
        pytest.param("icdar2013", {"gt_img_1.txt": '158 128 411 181 "A"'}, id="ICDAR2013 train"),
        pytest.param("icdar2013", {"gt_img_1.txt": '38, 43, 920, 215, "A"'}, id="ICDAR2013 test"),
        pytest.param("icdar2015", {"gt_img_1.txt": f"{QUAD},A"}, id="ICDAR2015"),
        pytest.param("icdar2015", {"gt_img_1.txt": f'{QUAD},"A"'}, id="ICDAR2015 quoted"),
        pytest.param("icdar2015", {"img_1.csv": f"{QUAD},NO.53 55,57 & 59"}, id="SROIE"),
        pytest.param("yolo", {"labels/img_1.txt": "0 0.5 0.5 0.1 0.1", "labels/img_2.txt": ""}, id="YOLO"),
        pytest.param("yolo", {"labels/img_1.txt": "3 0.5 0.5 0.6 0.5 0.6 0.6 0.5 0.6"}, id="YOLO's turned boxes"),
        pytest.param("voc", {"img_1.xml": VOC, "img_2.xml": "<broken"}, id="Pascal VOC"),
        pytest.param("cvat", {"annotations.xml": CVAT}, id="CVAT"),
        pytest.param("page_xml", {"page/img_1.xml": PAGE}, id="PAGE XML"),
        pytest.param("alto", {"alto/img_1.xml": ALTO}, id="ALTO"),
        pytest.param("svt", {"train.xml": SVT}, id="SVT"),
    ],
)
def test_formats(write, find, images, format_name, files):
    paths = [write(name, content) for name, content in files.items()]
    found = find()
    assert found.format == format_name
    assert found.paths == tuple(sorted(paths))


@pytest.mark.parametrize(
    ("format_name", "content"),
    [
        ("ufo", UFO), ("mmocr", MMOCR), ("coco", COCO), ("labelme", LABELME), ("hiertext", HIERTEXT),
        ("coco_text", TEXTOCR), ("funsd", FUNSD), ("xfund", XFUND), ("cord", CORD), ("lsvt", LSVT), ("davar", DAVAR),
    ],
)  # fmt: skip
def test_a_json_file_is_of_one_format_only(format_name, content):
    assert [name for name, known in FORMATS.items() if known.is_json(content)] == [format_name]


def test_an_object_on_a_line_of_its_own_is_no_line_of_another_format():
    assert not any(known.is_line(json.dumps(HIERTEXT)) for known in FORMATS.values())


def test_mat(tmp_path, find, images):
    savemat(tmp_path / "poly_gt_img_1.mat", {"polygt": np.empty((0, 6), object)})
    assert find().format == "totaltext"


def test_what_lies_beside_is_left_out(write, find, images):
    label = write("Label.txt", PADDLEOCR)
    write("Cache.cach", PADDLEOCR)
    write("fileState.txt", "img_1.jpg\t1\n")
    write("rec_gt.txt", "crop_img/img_1_crop_0.jpg\t[EXIT]\n")
    write("README.txt", "Photos of wires.")
    write("letter.txt", "출입금지".encode("cp949"))
    write("pages.json", {"count": 3})
    write(".ipynb_checkpoints/Label-checkpoint.txt", PADDLEOCR)
    write("._Label.txt", b"\x00\x05\x16\x07\xff")
    assert find() == AnnotationSet("paddleocr", (label,), label)


@pytest.mark.parametrize(
    ("lines", "format_name"),
    [
        ([f"{QUAD},A"] * 9 + ["10,10,50,10,50,30,10,30,5,6,7,8,A"], "icdar2015"),
        ([f"{QUAD},A"] * 3 + [f"{POLYGON},A"], "totaltext"),
        ([f"{QUAD},A", "10,10,50,10,50,30,10"], "icdar2015"),
        ([f"{QUAD},1996"] * 5, "icdar2015"),
        ([f"{POLYGON},1996"], "totaltext"),
        ([",".join("1" * 28) + ",####A"], "totaltext"),
    ],
    ids=["a few texts of numbers", "some polygons", "a damaged line", "numbers as text", "polygon, number", "CTW1500"],
)
def test_quads_or_polygons_is_decided_by_all_files_together(write, find, images, lines, format_name):
    for number, line in enumerate(lines):
        write(f"gt/gt_img_{number}.txt", line)
    assert find().format == format_name


def test_the_user_decides_between_quads_and_polygons(write, find, images):
    path = write("gt/gt_img_1.txt", f"{QUAD},1,2,3,4,5")
    with pytest.raises(BadInput, match="can be read in two ways") as caught:
        find()
    (problem,) = caught.value.problems
    assert problem.where == f"{path}, line 1"
    assert "a quad with the text '1,2,3,4,5', or a polygon of 6 points with the text '5'" in problem.what
    assert find(annotation_format="icdar2015").format == "icdar2015"
    assert find(annotation_format="totaltext").format == "totaltext"
    write("gt/gt_img_1.txt", f"{QUAD},A")
    assert find(annotation_format="totaltext").format == "totaltext"


def test_damaged_and_empty_files_stay_with_their_neighbours(write, find, images):
    paths = [
        write("gt/gt_img_1.txt", f"{QUAD},A"),
        write("gt/gt_img_2.txt", "hello"),
        write("gt/gt_img_3.txt", b"\xff\xfe"),
        write("gt/gt_img_4.txt", b"\xef\xbb\xbf"),
    ]
    write("gt/classes.txt", "text")
    write("gt/gt_img_2.csv", "hello")
    assert find().paths == tuple(paths)


def test_a_damaged_labelme_file_stays_with_its_neighbours(write, find, images):
    paths = [write("labelme/img_1.json", LABELME), write("labelme/img_2.json", "{")]
    assert find().paths == tuple(paths)


def test_a_damaged_json_beside_good_annotations_is_named(write, find, images):
    good = write("train.json", UFO)
    broken = write("val.json", '{"images": ')
    with pytest.raises(BadInput) as caught:
        find()
    assert [problem.where for problem in caught.value.problems] == [f"{broken}, line 1"]
    assert f"annotations={good}" in str(caught.value)
    assert find("train.json").paths == (good,)
    assert find(annotation_format="ufo").paths == (good,)


def test_several_sets_are_listed_with_what_to_say(write, find, images):
    whole, lines = write("instances.json", COCO), write("instances.txt", COCO_LINE)
    for number in (1, 2):
        write(f"labelme/img_{number}.json", LABELME)
        write(f"gt/gt_img_{number}.txt", f"{QUAD},A")
    with pytest.raises(BadInput, match="several sets of annotations") as caught:
        find()
    folder = whole.parent
    places = {Path(problem.where): problem for problem in caught.value.problems}
    assert set(places) == {whole, lines, folder / "labelme", folder / "gt"}
    assert "2 files of format labelme (img_1.json, ...)" in places[folder / "labelme"].what
    assert all(f"annotations={place}" in problem.remedy for place, problem in places.items())
    assert find("gt").format == "icdar2015"
    assert find("labelme").format == "labelme"
    assert find(str(whole)).paths == (whole,)
    assert find(annotation_format="labelme").format == "labelme"


def test_formats_mixed_in_one_folder_are_told_apart_by_format(write, find, images):
    write("gt_img_1.txt", f"{QUAD},A")
    write("gt_img_2.txt", '158 128 411 181 "A"')
    with pytest.raises(BadInput, match="several sets") as caught:
        find()
    remedies = " ".join(problem.remedy for problem in caught.value.problems)
    assert "annotation_format=icdar2013" in remedies
    assert "annotation_format=icdar2015" in remedies
    # Who says one format gets all files named like images, so that the others are named by its reader.
    assert len(find(annotation_format="icdar2015").paths) == 2


def test_one_format_twice_in_one_folder_has_to_move(tmp_path, write, find, images):
    write("gt_img_1.txt", TOTALTEXT)
    savemat(tmp_path / "gt_img_1.mat", {"polygt": np.empty((0, 6), object)})
    with pytest.raises(BadInput, match="Move it, or the other set, out of this folder"):
        find()


@pytest.mark.parametrize("name", ["val.json", "sub/../val.json"])
def test_annotations_are_relative_to_the_data_set_too(write, find, images, name):
    path = write("val.json", UFO)
    write("sub/train.json", UFO)
    assert find(name).place.resolve() == path.resolve()


def test_a_format_named_with_its_file_is_believed(write, find, images):
    path = write("a.lst", "hello")
    assert find("a.lst", "paddleocr") == AnnotationSet("paddleocr", (path,), path)


@pytest.mark.parametrize(
    ("name", "content", "seen"),
    [
        ("a.json", {"shape": []}, "keys 'shape'"),
        ("a.json", {f"{number}.jpg": {"boxes": {}} for number in range(99)}, "keys '0.jpg', '1.jpg'"),
        ("a.json", [1, 2], "a list and no object"),
        ("a.json", "hello", "line 1: is not JSON"),
        ("a.txt", '{"file_name": "a", "annotations": [{"box": [1], "text": "A", "label": 1}]}', "begins with"),
        ("a.txt", "950,231,1006,475,0.716654,None", "begins with '950,231,1006,475,0.716654,None'"),
        ("a.txt", ",".join("7" * 32), "begins with '7,7,7"),
        ("a.txt", "0 50 50 10 10", "begins with '0 50 50 10 10'"),
        ("a.txt", "", "is empty"),
        ("a.txt", b"\xff\xfe\x00", ""),
        ("a.xml", "<image/>", "is XML with the root 'image'"),
        ("a.mat", b"MATLAB 5.0", "is no MATLAB file of version 5 to 7"),
    ],
    ids=str,
)
def test_unknown_formats_are_described(write, find, images, name, content, seen):
    path = write(name, content)
    with pytest.raises(BadInput, match="no annotations of a known format") as caught:
        find()
    assert "annotations=FILE" in str(caught.value)
    assert seen in str(caught.value)
    assert not seen or str(path) in str(caught.value)


def test_many_unknown_files_are_counted(write, find, images):
    for number in range(9):
        write(f"{number}.txt", "0 50 50 10 10")
    with pytest.raises(BadInput, match="and 4 more files of unknown format"):
        find()


def test_no_annotations_at_all(write, find, images):
    assert find() is None
    write("LICENSE", "MIT")
    write("README.txt", "Photos of wires.\nTaken on 3 May, 1996.\n")
    assert find() is None
    with pytest.raises(BadInput, match=r"no file of format ufo.*annotation_format=none"):
        find(annotation_format="ufo")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("boxes.csv", "filename,xmin,ymin,xmax,ymax\n"),
        ("boxes.tsv", "a\tb\n"),
        ("labels/img_1.txt", ""),
        ("labels/img_1.txt", "text"),
        ("gt_img_1.txt", "text"),
        ("all.txt", "1;1;40;1;40;20;1;20;one\n"),
        ("all.txt", "1，1，40，1，40，20，1，20，one\n"),
        ("labels/1.txt", "0 50 50 10 10"),
        ("train.txt", "imgs/img_1.jpg\n"),
        ("train.txt", "img_1 one\n"),
        ("classes.txt", "text"),
        ("data.yaml", "names: [text]"),
        ("img_1.xml", "<annotation/>"),
        ("anything.json", {}),
        ("anything.json", "{"),
        ("Cache.cach", PADDLEOCR),
        ("letter.txt", "출입금지".encode("cp949")),
    ],
    ids=str,
)
def test_what_may_be_annotations_is_never_taken_for_none(write, find, images, name, content):
    path = write(name, content)
    with pytest.raises(BadInput, match=r"no annotations of a known format\..*annotation_format=none") as caught:
        find()
    assert str(path) in str(caught.value)


def test_a_format_that_is_not_there(write, find, images):
    write("val.json", UFO)
    with pytest.raises(BadInput, match="there is no file of format coco"):
        find(annotation_format="coco")


def test_annotations_that_are_not_there(find, images):
    with pytest.raises(BadInput, match=r"val\.json: .*there is no such file or folder"):
        find("val.json")


def test_a_format_that_does_not_exist(find, images):
    with pytest.raises(BadInput, match=r"there is no format named 'icdar15'\. Did you mean 'icdar2015'"):
        find(annotation_format="icdar15")


LABEL_STUDIO_BOX = {"x": 1, "y": 2, "width": 3, "height": 4, "rotation": 0, "original_width": 9, "original_height": 9}
VIA_IMAGE = {"img_1.jpg9": {"filename": "img_1.jpg", "size": 9, "regions": [], "file_attributes": {}}}
TOOLS = [
    pytest.param("label_studio", [{"data": {"ocr": "img_1.jpg"}, "annotations": []}], id="Label Studio"),
    pytest.param("label_studio", {"data": {"ocr": "img_1.jpg"}, "predictions": []}, id="Label Studio, one task"),
    pytest.param("label_studio", [{"ocr": "img_1.jpg", "bbox": [LABEL_STUDIO_BOX]}], id="JSON-MIN"),
    pytest.param("label_studio", [{"ocr": "a", "annotator": 1, "annotation_id": 1}], id="JSON-MIN without words"),
    pytest.param("via", {"_via_settings": {}, "_via_img_metadata": {}}, id="VIA project"),
    pytest.param("via", VIA_IMAGE, id="VIA export"),
    pytest.param("via", {"project": {}, "file": {}, "view": {}, "metadata": {}}, id="VIA 3"),
    pytest.param("doctr", {"img_1.jpg": {"img_dimensions": [9, 9], "img_hash": "x", "polygons": []}}, id="docTR"),
    pytest.param("doctr", {"img_1.jpg": {"polygons": {"words": []}}}, id="docTR with classes"),
    pytest.param("ufo", UFO, id="UFO"),
    pytest.param("mmocr", MMOCR, id="MMOCR"),
    pytest.param("coco", COCO, id="COCO"),
    pytest.param("labelme", LABELME, id="LabelMe"),
]


@pytest.mark.parametrize(("format_name", "content"), TOOLS)
def test_a_file_of_a_tool_is_of_one_format_only(write, find, images, format_name, content):
    assert [name for name, known in FORMATS.items() if known.is_json(content)] == [format_name]
    assert not any(known.is_line(json.dumps(content)) for known in FORMATS.values())
    path = write("anything.json", content)
    assert (find().format, find().paths) == (format_name, (path,))


def test_label_files_of_several_folders_are_one_set(write, find, images):
    paths = [write(f"{folder}/Label.txt", PADDLEOCR) for folder in ("day 1", "day 2")]
    broken = write("day 3/Label.txt", "出口".encode("gbk"))
    write("day 3/fileState.txt", "出口.jpg\t1\n".encode("gbk"))
    write("day 1/Cache.cach", PADDLEOCR)
    write("day 2/rec_gt.txt", "crop_img/img_1_crop_0.jpg\t[EXIT]\n")
    write("day 4/Label.txt", "")
    root = paths[0].parent.parent
    assert find() == AnnotationSet("paddleocr", (*paths, broken), root)
    assert find("day 1").paths == (paths[0],)


@pytest.mark.parametrize("names", [("train.txt", "val.txt"), ("a/train.txt", "b/val.txt"), ("Label.txt", "LABEL.TXT")])
def test_label_files_that_are_not_one_to_a_folder_are_to_choose_from(write, find, images, names):
    for name in names:
        write(name, PADDLEOCR)
    with pytest.raises(BadInput, match="several sets of annotations"):
        find()


def test_unconfirmed_words_are_taken_where_they_are_named(write, find, images):
    path = write("Cache.cach", PADDLEOCR)
    write("Label.txt", "")
    with pytest.raises(BadInput, match=r"words that nobody has confirmed: annotations=\S+Cache\.cach takes them"):
        find()
    assert find("Cache.cach") == AnnotationSet("paddleocr", (path,), path)


def test_the_knob_names_every_format():
    assert set(get_args(OcrKnobs.model_fields["annotation_format"].annotation)) == {"auto", NO_FORMAT, *FORMATS}


def test_the_page_on_data_names_every_format(checkout):
    rows = [line for line in (checkout / "docs" / "data.md").read_text().splitlines() if line.startswith("| `")]
    named = [name for row in rows for name in re.findall(r"`(\w+)`", row.split("|")[1])]
    assert sorted(named) == sorted(["annotation_format", *FORMATS, NO_FORMAT])
    assert f"any of {len(FORMATS)} formats" in (checkout / "README.md").read_text()


@pytest.mark.parametrize("name", ["more.json", "more.xml", "more.mat"])
def test_a_damaged_file_beside_a_set_is_named(tmp_path, name):
    Image.new("RGB", (120, 80)).save(tmp_path / "a.jpg")
    words = {"1": {"points": [[1, 1], [9, 1], [9, 9]]}}
    (tmp_path / "train.json").write_text(json.dumps({"images": {"a.jpg": {"words": words}}}))
    (tmp_path / name).write_text("<annotations><image")
    with pytest.raises(BadInput, match="what may belong to it") as caught:
        survey(tmp_path)
    assert name in str(caught.value) and f"set annotations={tmp_path / 'train.json'}" in str(caught.value)
    assert len(survey(tmp_path, annotations=tmp_path / "train.json")[0]) == 1
