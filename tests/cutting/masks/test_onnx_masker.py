import builtins
import pickle

import numpy as np
import pytest

pytest.importorskip("onnxruntime")
pytest.importorskip("onnx")

from onnx import helper

from tests.cutting.masks.models import channel_model, difference_model, save
from toprung.cutting.masks.model_card import ISNET, U2NET, ModelCard, card_from
from toprung.cutting.masks.onnx_masker import OnnxMasker
from toprung.cutting.scene import Background, Scene
from toprung.errors import CutoutError


def plain(colour, size=(40, 60)):
    return np.broadcast_to(np.array(colour, np.float32), (*size, 3)).copy()


def ramp(size=(40, 60)):
    """Red rises from left to right, green from top to bottom."""
    red, green = np.meshgrid(np.linspace(0, 1, size[1]), np.linspace(0, 1, size[0]))
    return np.stack([red, green, 0 * red], -1).astype(np.float32)


def test_card_beside_the_model_is_used(tmp_path):
    model = channel_model(tmp_path / "m.onnx", [1, 3, 20, 30], channel=0)
    (tmp_path / "m.toml").write_text(
        'size = [20, 30]\nmean = [0.1, 0.2, 0.3]\nstd = 0.5\norder = "bgr"\nactivation = "none"\n'
    )
    masker = OnnxMasker(model)
    # the first channel of BGR is blue: (0.4 − 0.3) / 0.5
    assert masker(Scene(plain([0.9, 0.8, 0.4]))) == pytest.approx(0.2, abs=1e-5)


@pytest.mark.parametrize(("side", "card"), [(320, U2NET), (1024, ISNET)])
def test_known_shapes_need_no_card(tmp_path, side, card):
    masker = OnnxMasker(channel_model(tmp_path / "m.onnx", [1, 3, side, side]))
    assert masker.card == card
    mask = masker(Scene(ramp()))
    # monotone preprocessing, sigmoid or not, and min-max: the ramp comes back as a ramp from 0 to 1
    assert mask.shape == (40, 60)
    assert mask[:, 0] == pytest.approx(0, abs=0.02)
    assert mask[:, -1] == pytest.approx(1, abs=0.02)
    assert (np.diff(mask[20]) >= -1e-6).all()


def test_values_as_documented(tmp_path):
    masker = OnnxMasker(channel_model(tmp_path / "m.onnx", [1, 3, "h", "w"]), ModelCard(activation="none"))
    assert masker(Scene(ramp())) == pytest.approx(ramp()[..., 0], abs=1e-5)


def test_scale_by_the_largest_value(tmp_path):
    model = channel_model(tmp_path / "m.onnx", [1, 3, "h", "w"])
    masker = OnnxMasker(model, ModelCard(scale="max", activation="none"))
    assert masker(Scene(ramp() * 0.5)) == pytest.approx(ramp()[..., 0], abs=1e-5)


def test_sigmoid(tmp_path):
    model = channel_model(tmp_path / "m.onnx", [1, 3, "h", "w"])
    masker = OnnxMasker(model, ModelCard(mean=(0.5, 0, 0), std=(0.1, 1, 1), activation="auto"))
    assert masker(Scene(ramp())) == pytest.approx(1 / (1 + np.exp(-(ramp()[..., 0] - 0.5) / 0.1)), abs=1e-4)


def test_softmax_of_a_channel(tmp_path):
    node = helper.make_node("Identity", ["image"], ["mask"])
    model = save(tmp_path / "m.onnx", [node], {"image": [1, 3, "h", "w"]}, {"mask": [1, 3, "h", "w"]})
    masker = OnnxMasker(model, ModelCard(activation="softmax", channel=1))
    powers = np.exp(ramp())
    assert masker(Scene(ramp())) == pytest.approx(powers[..., 1] / powers.sum(-1), abs=1e-5)


def test_channels_last(tmp_path):
    model = channel_model(tmp_path / "m.onnx", [1, "h", "w", 3], channel=1, axis=3)
    masker = OnnxMasker(model, ModelCard(activation="none"))
    assert masker(Scene(ramp())) == pytest.approx(ramp()[..., 1], abs=1e-5)


@pytest.mark.parametrize("size", [("h", "w"), (32, 64)])
def test_plate_as_second_input(tmp_path, size):
    masker = OnnxMasker(difference_model(tmp_path / "m.onnx", *size))
    plate = Background(plain([0.2, 0.2, 0.2]), np.full((40, 60), 0.01, np.float32), np.ones((40, 60), bool), "plate")
    mask = masker(Scene(plain([0.5, 0.8, 0.2]), plate))
    assert mask.shape == (40, 60)
    assert mask == pytest.approx(0.3, abs=1e-5)
    with pytest.raises(CutoutError, match=r"takes a plate, and cup\.jpg has none"):
        masker(Scene(plain([0.5, 0.8, 0.2]), None, "cup.jpg"))


def test_flat_output_does_not_become_noise(tmp_path):
    masker = OnnxMasker(channel_model(tmp_path / "m.onnx", [1, 3, 320, 320]))
    mask = masker(Scene(plain([0.0, 0.0, 0.0])))
    assert np.ptp(mask) < 1e-6


def test_goes_to_another_process(tmp_path):
    masker = OnnxMasker(channel_model(tmp_path / "m.onnx", [1, 3, "h", "w"]), ModelCard(activation="none"))
    again = pickle.loads(pickle.dumps(masker))
    assert np.array_equal(again(Scene(ramp())), masker(Scene(ramp())))


def test_unknown_shape_asks_for_a_card(tmp_path):
    with pytest.raises(CutoutError, match=r"image \[1, 3, 77, 77\].*'m\.toml'"):
        OnnxMasker(channel_model(tmp_path / "m.onnx", [1, 3, 77, 77]))


def test_missing_model(tmp_path):
    with pytest.raises(CutoutError, match="There is no model"):
        OnnxMasker(tmp_path / "none.onnx")


def test_file_that_is_no_model(tmp_path):
    (tmp_path / "m.onnx").write_bytes(b"not a model")
    with pytest.raises(CutoutError, match="cannot be loaded as an ONNX model"):
        OnnxMasker(tmp_path / "m.onnx")


def test_wrong_size_names_the_card(tmp_path):
    masker = OnnxMasker(channel_model(tmp_path / "m.onnx", [1, 3, 20, 30]), ModelCard(size=(8, 8)))
    with pytest.raises(CutoutError, match=r"failed on photo: .*Check its card"):
        masker(Scene(ramp()))


def test_unknown_output(tmp_path):
    with pytest.raises(CutoutError, match="has no output 'alpha': it has mask"):
        OnnxMasker(channel_model(tmp_path / "m.onnx", [1, 3, "h", "w"]), ModelCard(output="alpha"))


def test_without_onnx_runtime(tmp_path, monkeypatch):
    model = channel_model(tmp_path / "m.onnx", [1, 3, "h", "w"])
    real = builtins.__import__

    def without(name, *rest, **more):
        if name == "onnxruntime":
            raise ImportError(name)
        return real(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(CutoutError, match=r"pip install 'toprung\[export\]'"):
        OnnxMasker(model)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"sise": 320}, "unknown key 'sise'. Did you mean size"),
        ({"size": "big"}, "size = 'big': it must be a number of pixels"),
        ({"std": [1, 0, 1]}, "std = .* without a 0"),
        ({"order": "grb"}, 'order = \'grb\': it must be "rgb" or "bgr"'),
        ({"scale": -1}, "scale = -1"),
        ({"channel": -1}, "channel = -1"),
        ({"output": 3}, "output = 3"),
        ({"mean": [1, 2]}, "mean = "),
    ],
)
def test_wrong_cards(values, message):
    with pytest.raises(CutoutError, match=message):
        card_from(values, "m.toml")


def test_card_that_is_no_toml(tmp_path):
    model = channel_model(tmp_path / "m.onnx", [1, 3, 320, 320])
    (tmp_path / "m.toml").write_text("size = [")
    with pytest.raises(CutoutError, match=r"m\.toml' cannot be read"):
        OnnxMasker(model)
