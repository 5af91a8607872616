import hashlib
import socket
import zipfile
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import numpy as np
import pytest
import torch
from PIL import Image

from mrcnn_lite.datasets import PennFudanDataset, download_penn_fudan, penn_fudan
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


@pytest.fixture
def archive(root, tmp_path, monkeypatch):
    """An archive that a server on this machine offers in the place of the real one."""
    archive = tmp_path / "server" / "PennFudanPed.zip"
    archive.parent.mkdir()
    with zipfile.ZipFile(archive, "w") as file:
        for path in root.rglob("*.png"):
            file.write(path, path.relative_to(root.parent))
    handler = partial(QuietHandler, directory=archive.parent)
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        url = f"http://127.0.0.1:{server.server_port}/{archive.name}"
        monkeypatch.setattr(penn_fudan, "URL", url)
        monkeypatch.setattr(penn_fudan, "MD5", hashlib.md5(archive.read_bytes()).hexdigest())
        Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}).start()
        yield archive
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
