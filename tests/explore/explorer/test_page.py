"""The stand-alone page: one file, small, with nothing to fetch."""

import re

from mrcnn_lite.cli import main
from mrcnn_lite.explore.explorer.page import page_source

MAX_BYTES = 400_000


def test_command_writes_the_page(tmp_path, capsys):
    path = tmp_path / "new" / "misalignment.html"
    assert main(["explorer", "--out", str(path)]) == 0
    assert path.read_text(encoding="utf-8") == page_source()
    assert path.stat().st_size < MAX_BYTES
    assert str(path) in capsys.readouterr().out


def test_page_asks_for_nothing_from_outside():
    page = page_source()
    assert not re.search(r'(?:src|href)="(?!data:)', page)
    assert not re.search(r"url\(|@import|fetch\(|XMLHttpRequest|https?://", page)
    assert "default-src 'none'" in page
    assert "{{" not in page


def test_page_has_one_script_and_one_style_that_end_where_they_should():
    page = page_source()
    assert page.count("</script>") == page.count("<script") == 1
    assert page.count("</style>") == page.count("<style") == 1
    assert '<html lang="en">' in page
    assert 'name="viewport"' in page
