from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from morphogen.errors import StyleError
from morphogen.folders import styles_folder
from morphogen.library import find as find_module
from morphogen.library.draw import untrained
from morphogen.library.find import Library, default_shipped_dir
from morphogen.library.style import save_style
from morphogen.library.thumb import save_thumbnail


@pytest.fixture
def shelves(tmp_path) -> tuple[Library, Path, Path]:
    own, shipped = tmp_path / "own", tmp_path / "shipped"
    put(shipped, "starter/ember", 1)
    put(shipped, "starter/abyss", 2)
    put(own, "mine/glow", 3)
    return Library(user_dir=own, shipped_dir=shipped), own, shipped


def put(folder: Path, name: str, seed: int) -> Path:
    return save_style(untrained(seed=seed, name=name), folder / f"{name}.safetensors").path or folder


def test_both_folders_are_listed_by_name(shelves):
    library, own, _ = shelves
    infos = library.list()
    assert [i.name for i in infos] == ["mine/glow", "starter/abyss", "starter/ember"] == library.names()
    glow = infos[0]
    assert (glow.own, glow.seed, glow.shape, glow.parameters) == (True, 3, "12>4x4x4>rgb", 107)
    assert not infos[1].own
    assert glow.public() == {
        "name": "mine/glow", "title": "Glow", "series": "mine", "prompt": "", "guide": "none", "score": None,
        "shape": "12>4x4x4>rgb", "trained": False, "path": str(own / "mine/glow.safetensors"),
    }  # fmt: skip


def test_listing_reads_headers_only_and_only_once(shelves, monkeypatch):
    library, _, shipped = shelves
    monkeypatch.setattr(find_module, "load_style", lambda path: pytest.fail("weights were read"))
    read = []
    real = find_module.load_meta
    monkeypatch.setattr(find_module, "load_meta", lambda path: read.append(path.stem) or real(path))
    library.list()
    assert sorted(read) == ["abyss", "ember", "glow"]
    library.list()
    assert len(read) == 3
    put(shipped, "starter/abyss", 9)
    assert [i.seed for i in library.list()] == [3, 9, 1]
    assert read[3:] == ["abyss"]


def test_changes_are_noticed(shelves):
    library, own, shipped = shelves
    library.list()
    assert not library.changed()
    path = put(own, "new/one", 5)
    assert library.changed()
    assert "new/one" in library.names()
    assert not library.changed()
    path.unlink()
    assert library.changed()
    assert "new/one" not in library.names()
    os.utime(shipped / "starter/ember.safetensors", (1, 1))
    assert library.changed()


def test_the_users_own_hides_a_shipped_one(shelves):
    library, own, _ = shelves
    put(own, "starter/ember", 77)
    assert [i.seed for i in library.list() if i.name == "starter/ember"] == [77]
    assert library.find("starter/ember").seed == 77


def test_the_place_is_the_name(shelves):
    library, own, _ = shelves
    save_style(untrained(seed=4, name="some/thing"), own / "mine/renamed.safetensors")
    style = library.find("mine/renamed")
    assert (style.name, style.series) == ("mine/renamed", "mine")
    assert "mine/renamed" in library.names()


def test_a_path_beats_a_name(shelves, tmp_path, monkeypatch):
    library, _, _ = shelves
    path = put(tmp_path / "elsewhere", "starter/ember", 123)
    assert library.find(path).seed == library.find(str(path)).seed == 123
    monkeypatch.chdir(tmp_path / "elsewhere")
    (tmp_path / "elsewhere/starter/abyss").write_bytes(path.read_bytes())
    assert library.find("starter/abyss").seed == 123, "a file of that very name lies in the working folder"
    assert library.find("starter/ember").seed == 1


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("starter/embr", r"there is no style 'starter/embr'\. Did you mean starter/ember"),
        ("Starter/Ember", r"there is no style 'Starter/Ember'\. Did you mean starter/ember"),
        ("ember", r"there is no style 'ember'\. Did you mean starter/ember\?"),
        ("zzz/qqq", r"there is no style 'zzz/qqq'\. See `morphogen styles list`"),
        ("../../no/such", r"there is no style '../../no/such'"),
        ("", r"there is no style ''"),
        ("a\0b", r"there is no style 'a\\x00b'"),
        ("~nobody-here/x", r"there is no style '~nobody-here/x'"),
        ("x" * 5000, r"there is no style 'xxx"),
        ("starter/gone.safetensors", r"there is no file 'starter/gone.safetensors'\. Names of the library carry no"),
    ],
)
def test_unknown_names_get_near_ones(shelves, name, message):
    with pytest.raises(StyleError, match=message):
        shelves[0].find(name)


def test_broken_files_are_listed_with_their_error_and_never_fatal(shelves):
    library, own, _ = shelves
    (own / "mine/broken.safetensors").write_bytes(b"PK\x03\x04 no")
    (own / "mine/Loud Name.safetensors").write_bytes(b"")
    (own / "mine/dangling.safetensors").symlink_to(own / "nowhere")
    (own / "mine/folder.safetensors").mkdir()
    (own / "mine/notes.txt").write_text("hello")
    (own / "stray.safetensors").write_text("not in a series")
    errors = {i.name: i.error for i in library.list() if i.error}
    assert "it is a pickle" in errors["mine/broken"]
    assert "is not a style name" in errors["mine/Loud Name"]
    assert "it cannot be read: No such file" in errors["mine/dangling"]
    assert "it is not a file" in errors["mine/folder"]
    assert len(errors) == 4
    broken = next(i for i in library.list() if i.name == "mine/broken")
    assert "pickle" in broken.public()["error"]
    assert library.names() == ["mine/glow", "starter/abyss", "starter/ember"]
    with pytest.raises(StyleError, match=r"broken.safetensors: it is a pickle"):
        library.find("mine/broken")


def test_missing_folders_hold_nothing(tmp_path):
    library = Library(user_dir=tmp_path / "a", shipped_dir=tmp_path / "b")
    assert library.list() == []
    assert not library.changed()


def test_circles_of_links_end(shelves):
    library, own, _ = shelves
    (own / "loop").symlink_to(own)
    (own / "mine/self").symlink_to(own / "mine")
    assert "mine/glow" in library.names()


def test_thumbnails_are_found_beside_the_file(shelves):
    library, _, _ = shelves
    picture = save_thumbnail(library.find("mine/glow"))
    assert picture.name == "glow.png"
    assert [i.thumbnail for i in library.list()] == [picture, None, None]
    with pytest.raises(StyleError, match="own/3l_4d-1 has no file yet"):
        save_thumbnail(untrained(seed=1))


def test_several_threads_may_list(shelves):
    library, own, _ = shelves

    def work(n: int) -> None:
        for k in range(5):
            put(own, f"thread/n{n}-{k}", k)
            library.list()
            library.find("starter/ember")

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(4)))
    assert len(library.names()) == 3 + 20


def test_where_the_folders_are(monkeypatch, tmp_path):
    assert default_shipped_dir() == Path(__file__).resolve().parent.parent / "styles"
    monkeypatch.setenv("MORPHOGEN_HOME", str(tmp_path))
    assert styles_folder() == tmp_path / "styles" == Library().user_dir
    monkeypatch.delenv("MORPHOGEN_HOME")
    assert styles_folder().parts[-2:] == ("morphogen", "styles")
