import contextlib
import hashlib
import itertools
import socket
import zipfile
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import numpy as np
import pytest
import torch
from PIL import Image

from mrcnn_lite.datasets import PennFudanDataset, download_penn_fudan, penn_fudan
from mrcnn_lite.datasets.penn_fudan import split_of
from mrcnn_lite.errors import InputError


@pytest.fixture
def root(tmp_path):
    """Three pictures: two people (the second numbered 3), none, one in the corner."""
    root = tmp_path / "PennFudanPed"
    (root / "PNGImages").mkdir(parents=True)
    (root / "PedMasks").mkdir()
    for number in range(1, 4):
        height, width = 20 + number, 30
        pixels = np.full((height, width, 3), 10 * number, np.uint8)
        numbers = np.zeros((height, width), np.uint8)
        if number == 1:
            numbers[2:12, 3:8] = 1
            numbers[5:15, 6:20] = 3
        if number == 3:
            numbers[-1, -1] = 1
        Image.fromarray(pixels).save(root / "PNGImages" / f"FudanPed{number:05d}.png")
        Image.fromarray(numbers).save(root / "PedMasks" / f"FudanPed{number:05d}_mask.png")
    return root


def test_people_are_read_by_number(root):
    dataset = PennFudanDataset(root)
    assert len(dataset) == 3
    assert dataset.categories == {1: "person"}
    assert dataset.num_classes == 2
    image, target = dataset[0]
    assert image.shape == (3, 21, 30)
    assert torch.allclose(image, torch.tensor(10 / 255))
    assert target["image_id"] == dataset.image_id(0) == 1
    assert target["labels"].tolist() == [1, 1]
    assert target["masks"].dtype == torch.uint8
    assert target["masks"].sum(dim=(1, 2)).tolist() == [5 * 10 - 7 * 2, 14 * 10]
    assert target["boxes"].tolist() == [[3, 2, 8, 12], [6, 5, 20, 15]]

    _, nobody = dataset[1]
    assert nobody["boxes"].shape == (0, 4)
    assert nobody["labels"].shape == (0,)
    assert nobody["masks"].shape == (0, 22, 30)

    assert dataset[2][1]["boxes"].tolist() == [[29, 22, 30, 23]]


def test_the_split_is_of_both_universities_and_leaves_neighbours_together():
    test = [image_id for image_id in range(1, 171) if split_of(image_id) == "test"]
    assert len(test) == 50
    # By name Fudan's 74 pictures come first.
    assert sum(image_id <= 74 for image_id in test) == 20
    assert test[:10] == [13, 14, 15, 16, 17, 30, 31, 32, 33, 34]
    apart = [b for a, b in itertools.pairwise(test) if b != a + 1]
    assert len(apart) == 9


def test_a_split_without_a_picture_is_named(root):
    assert PennFudanDataset(root, split="train").image_ids == [1, 2, 3]
    with pytest.raises(InputError, match=r"none of the 3 pictures in .* is of split test"):
        PennFudanDataset(root, split="test")


def test_the_folder_may_be_the_one_that_it_lies_in(root):
    assert PennFudanDataset(root.parent).fingerprint() == PennFudanDataset(root).fingerprint()
    assert download_penn_fudan(root) == root


def test_coco_holds_the_same(root, capsys):
    dataset = PennFudanDataset(root, image_ids=[3, 1])
    coco = dataset.coco
    assert capsys.readouterr().out == ""
    assert sorted(coco.imgs) == [1, 3]
    assert sorted(coco.anns) == [1, 2, 3]
    masks = torch.from_numpy(np.stack([coco.annToMask(a) for a in coco.imgToAnns[1]]))
    assert torch.equal(masks, dataset[1][1]["masks"])
    assert coco.imgToAnns[3][0]["bbox"] == [29, 22, 1, 1]


def test_missing_and_damaged_files_are_named(root):
    with pytest.raises(FileNotFoundError, match=r"PNGImages.*ped_html"):
        PennFudanDataset(root / "PNGImages")
    with pytest.raises(InputError, match=r"no image 4.*1\.\.3"):
        PennFudanDataset(root, image_ids=[4])
    with pytest.raises(InputError, match="the id 2 is given twice"):
        PennFudanDataset(root, image_ids=[2, 1, 2])

    mask = root / "PedMasks" / "FudanPed00001_mask.png"
    Image.new("L", (30, 20)).save(mask)
    with pytest.raises(InputError, match="FudanPed00001_mask"):
        PennFudanDataset(root)[0]
    mask.write_bytes(mask.read_bytes()[:40])
    with pytest.raises(InputError, match="FudanPed00001_mask"):
        PennFudanDataset(root)[0]
    mask.unlink()
    with pytest.raises(InputError, match=r"FudanPed00001_mask.*missing"):
        PennFudanDataset(root)

    for picture in (root / "PNGImages").iterdir():
        picture.unlink()
    with pytest.raises(InputError, match="no pictures"):
        PennFudanDataset(root)


class QuietHandler(SimpleHTTPRequestHandler):
    def log_message(self, *arguments):
        pass


class GoingOnHandler(QuietHandler):
    """Gives the rest of a file to those who have its beginning, as the real server does."""

    asked_for: list[str] = []  # noqa: RUF012

    def do_GET(self):
        asked = self.headers["Range"]
        if asked is None:
            return super().do_GET()
        self.asked_for.append(asked)
        content = Path(self.translate_path(self.path)).read_bytes()
        first = int(asked.removeprefix("bytes=").removesuffix("-"))
        if first >= len(content):
            return self.send_error(416)
        self.send_response(206)
        self.send_header("Content-Length", str(len(content) - first))
        self.end_headers()
        self.wfile.write(content[first:])
        return None


@pytest.fixture(params=[QuietHandler, GoingOnHandler])
def archive(request, root, tmp_path, monkeypatch):
    """An archive that a server on this machine offers in the place of the real one."""
    archive = tmp_path / "server" / "PennFudanPed.zip"
    archive.parent.mkdir()
    with zipfile.ZipFile(archive, "w") as file:
        for path in root.rglob("*.png"):
            file.write(path, path.relative_to(root.parent))
    handler = partial(request.param, directory=archive.parent)
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        url = f"http://127.0.0.1:{server.server_port}/{archive.name}"
        monkeypatch.setattr(penn_fudan, "URL", url)
        monkeypatch.setattr(penn_fudan, "MD5", hashlib.md5(archive.read_bytes()).hexdigest())
        Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}).start()
        try:
            yield archive
        finally:
            server.shutdown()


def test_download_checks_and_unpacks(archive, tmp_path):
    data = tmp_path / "data"
    folder = download_penn_fudan(data)
    assert folder == data / "PennFudanPed"
    assert len(PennFudanDataset(folder)) == 3
    archive.unlink()
    assert download_penn_fudan(data) == folder
    assert sorted(path.name for path in data.iterdir()) == ["PennFudanPed", "PennFudanPed.zip"]


def test_download_with_a_wrong_checksum(archive, tmp_path, monkeypatch):
    monkeypatch.setattr(penn_fudan, "MD5", "0" * 32)
    with pytest.raises(InputError, match=r"corrupted.*PennFudanPed\.zip.*0{32}"):
        download_penn_fudan(tmp_path / "data")
    assert not (tmp_path / "data" / "PennFudanPed").exists()


@pytest.mark.parametrize("share", [0.0, 0.4, 1.0])
def test_download_goes_on_where_it_broke_off(share, archive, tmp_path):
    data = tmp_path / "data"
    data.mkdir()
    content = archive.read_bytes()
    (data / "PennFudanPed.zip.part").write_bytes(content[: round(share * len(content))])
    assert len(PennFudanDataset(download_penn_fudan(data))) == 3
    assert sorted(path.name for path in data.iterdir()) == ["PennFudanPed", "PennFudanPed.zip"]


@pytest.mark.parametrize("archive", [GoingOnHandler], indirect=True)
def test_of_what_came_before_nothing_is_fetched_again(archive, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(GoingOnHandler, "asked_for", [])
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "PennFudanPed.zip.part").write_bytes(archive.read_bytes()[:100])
    download_penn_fudan(tmp_path / "data")
    assert GoingOnHandler.asked_for == ["bytes=100-"]
    assert "fetching PennFudanPed.zip: 100%" in capsys.readouterr().err


def test_what_came_before_the_connection_broke_off_is_kept(archive, tmp_path, monkeypatch):
    data, content = tmp_path / "data", archive.read_bytes()
    copyfile = SimpleHTTPRequestHandler.copyfile

    def break_off(self, source, target):
        target.write(source.read(100))

    monkeypatch.setattr(SimpleHTTPRequestHandler, "copyfile", break_off)
    expected = rf"broke off after 100 of {len(content):,} bytes\); try again, which goes on from "
    with pytest.raises(InputError, match=expected) as raised:
        download_penn_fudan(data)
    assert "\n" not in str(raised.value)
    assert (data / "PennFudanPed.zip.part").read_bytes() == content[:100]
    monkeypatch.setattr(SimpleHTTPRequestHandler, "copyfile", copyfile)
    assert len(PennFudanDataset(download_penn_fudan(data))) == 3


def test_a_beginning_of_something_else_is_not_kept(archive, tmp_path):
    data = tmp_path / "data"
    data.mkdir()
    (data / "PennFudanPed.zip.part").write_bytes(b"x" * 2 * len(archive.read_bytes()))
    with contextlib.suppress(InputError):  # a server that begins anew gives the right one
        download_penn_fudan(data)
    assert len(PennFudanDataset(download_penn_fudan(data))) == 3


def test_another_archive_of_that_name_stays(archive, tmp_path):
    mine = tmp_path / "data" / "PennFudanPed.zip"
    mine.parent.mkdir()
    mine.write_bytes(b"my holiday pictures")
    with pytest.raises(InputError, match=r"PennFudanPed\.zip is another file than .*: move it"):
        download_penn_fudan(mine.parent)
    assert mine.read_bytes() == b"my holiday pictures"


def test_download_without_a_network_says_what_to_fetch(tmp_path, monkeypatch):
    with socket.socket() as closed:  # a port on which nobody answers
        closed.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{closed.getsockname()[1]}/PennFudanPed.zip"
        monkeypatch.setattr(penn_fudan, "URL", url)
        with pytest.raises(InputError, match=rf"{url}.*put it at .*PennFudanPed\.zip"):
            download_penn_fudan(tmp_path / "data")


def test_an_archive_that_is_there_already_is_used(archive, tmp_path, monkeypatch):
    monkeypatch.setattr(penn_fudan, "URL", "http://127.0.0.1:9/PennFudanPed.zip")
    (tmp_path / "data").mkdir()
    archive.rename(tmp_path / "data" / archive.name)
    assert len(PennFudanDataset(download_penn_fudan(tmp_path / "data"))) == 3
