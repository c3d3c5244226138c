import io
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageDraw, ImageEnhance

from toprung.data.duplicates import duplicate_clusters, rows_by_cluster, spread
from toprung.data.looks import Look, look_at
from toprung.data.near import look_alikes
from toprung.data.scan import PictureFacts


def drawing(colour: str = "crimson") -> Image.Image:
    """A picture with large and small things in it."""
    image = Image.new("RGB", (300, 240), "white")
    draw = ImageDraw.Draw(image)
    draw.ellipse((30, 40, 170, 200), fill=colour, outline="black", width=5)
    draw.polygon([(190, 200), (280, 200), (240, 60)], fill="khaki", outline="black")
    draw.line((10, 220, 290, 210), fill="navy", width=8)
    return image


def look(image: Image.Image) -> Look:
    found = look_at(np.asarray(image))
    assert found is not None
    return found


def facts_of(*looks: Look | None) -> list[PictureFacts]:
    return [PictureFacts(Path(f"/{i}.png"), hash=f"{i:032x}", look=one) for i, one in enumerate(looks)]


def as_jpeg(image: Image.Image, quality: int) -> Image.Image:
    file = io.BytesIO()
    image.save(file, "JPEG", quality=quality)
    return Image.open(file).convert("RGB")


class TestLooks:
    @pytest.mark.parametrize(
        "change",
        [
            lambda image: as_jpeg(image, 30),
            lambda image: image.resize((150, 120), Image.Resampling.BICUBIC),
            lambda image: image.resize((1200, 960), Image.Resampling.BILINEAR),
            lambda image: ImageEnhance.Brightness(image).enhance(1.05),
            lambda image: ImageEnhance.Color(image).enhance(0.9),
        ],
        ids=["jpeg", "half", "enlarged", "brighter", "paler"],
    )
    def test_the_same_picture_saved_in_another_way(self, change: Callable[[Image.Image], Image.Image]) -> None:
        assert look_alikes([look(drawing()), look(change(drawing()))]) == [[0, 1]]

    def test_another_colour_is_another_picture(self) -> None:
        """Its brightness, all that the hash sees, is the same: red and green lights would be one picture."""
        red, green = look(drawing("#e00000")), look(drawing("#007300"))
        assert (red.hash ^ green.hash).bit_count() <= 4
        assert look_alikes([red, green]) == []

    def test_a_detail_that_makes_another_picture(self) -> None:
        other = drawing()
        ImageDraw.Draw(other).rectangle((70, 90, 130, 150), fill="white")
        assert look_alikes([look(drawing()), look(other)]) == []


def word(*bits: int) -> int:
    return sum(1 << bit for bit in bits)


class TestChains:
    def test_a_slow_pan_does_not_become_one_picture(self) -> None:
        """Each frame is within reach of the next; the first and the last have nothing in common."""
        thumbnail = bytes(192)
        frames = [Look(word(*range(2 * i)), thumbnail) for i in range(32)]
        clusters = look_alikes(frames)
        assert all((frames[c[0]].hash ^ frames[c[-1]].hash).bit_count() <= 8 for c in clusters)
        assert max(map(len, clusters)) <= 5
        assert sum(map(len, clusters)) >= 30  # but hardly a frame is left alone

    def test_a_slow_change_of_colour_neither(self) -> None:
        frames = [Look(7, bytes([10 * i]) * 192) for i in range(20)]
        assert all(10 * (cluster[-1] - cluster[0]) <= 48 for cluster in look_alikes(frames))

    @given(
        st.lists(
            st.tuples(st.sets(st.integers(0, 11), max_size=6), st.integers(0, 6)).map(
                lambda made: Look(word(*made[0]), bytes([12 * made[1]]) * 192)
            ),
            max_size=30,
        )
    )
    def test_clusters_hold_look_alikes_and_stay_short(self, looks: list[Look]) -> None:
        def bits(one: Look, other: Look) -> int:
            return (one.hash ^ other.hash).bit_count()

        clusters = look_alikes(looks)
        members = [row for cluster in clusters for row in cluster]
        assert len(members) == len(set(members))
        for cluster in clusters:
            for row in cluster:
                others = [looks[other] for other in cluster if other != row]
                assert any(bits(looks[row], other) <= 4 for other in others)
                assert all(bits(looks[row], other) <= 8 for other in others)
        # Whoever is alone has no one as close as can be.
        alone = set(range(len(looks))) - set(members)
        assert not any(looks[row] == looks[other] for row in alone for other in range(len(looks)) if other != row)


class TestClusters:
    def test_exact_and_near_come_together(self) -> None:
        shown = look(drawing())
        facts = facts_of(shown, None, look(as_jpeg(drawing(), 40)), None, shown)
        facts[4] = replace(facts[4], hash=facts[0].hash)
        facts[3] = replace(facts[3], hash=facts[1].hash)
        assert duplicate_clusters(facts).tolist() == [0, 1, 0, 1, 0]

    def test_flat_pictures_are_the_same_only_as_files(self) -> None:
        assert duplicate_clusters(facts_of(None, None, None)).tolist() == [-1, -1, -1]

    def test_without_pictures(self) -> None:
        assert duplicate_clusters([]).tolist() == []

    @given(
        made=st.lists(st.tuples(st.sets(st.integers(0, 9), max_size=5), st.integers(0, 30)), max_size=20),
        data=st.data(),
    )
    def test_the_order_of_files_does_not_matter(self, made: list[tuple[set[int], int]], data: st.DataObject) -> None:
        contents = {number: Look(word(*bits), bytes(192)) for bits, number in made}
        facts = [PictureFacts(Path(f"/{i}"), hash=f"{n:x}", look=contents[n]) for i, (_, n) in enumerate(made)]
        order = data.draw(st.permutations(range(len(facts))))
        shuffled = duplicate_clusters([facts[row] for row in order])
        straight = rows_by_cluster(duplicate_clusters(facts))
        assert sorted(sorted(order[row] for row in rows) for rows in rows_by_cluster(shuffled)) == straight

    def test_many_frames_of_one_scene_take_no_time(self) -> None:
        generator = np.random.default_rng(0)
        looks = [Look(word(*generator.choice(6, 2)), bytes(192)) for _ in range(20_000)]
        assert set(duplicate_clusters(facts_of(*looks)).tolist()) == {0}


def test_spread_is_the_greatest_distance() -> None:
    looks = [Look(word(), b""), Look(word(1, 2), b""), Look(word(5), b"")]
    assert spread(looks) == 3
    assert spread(looks[:1]) == spread([]) == 0
