"""Which precision is chosen where none is asked for, and what a prepared model says of it."""

import pytest
import torch

from mrcnn_lite.models import mask_rcnn, mini_config, prepare_for_inference
from mrcnn_lite.models.build import fcn
from mrcnn_lite.models.fast import native_precision as precision
from mrcnn_lite.models.fast.native_precision import native_precision

CPU, CUDA = torch.device("cpu"), torch.device("cuda", 0)


@pytest.fixture
def processor(monkeypatch):
    """A function that makes this a processor with the given instructions and architecture."""

    def make(instructions=(), machine="x86_64", one_dnn=True, old=False):
        for name in ("ONEDNN_MAX_CPU_ISA", "DNNL_MAX_CPU_ISA"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setattr(torch.backends.mkldnn, "is_available", lambda: one_dnn)
        monkeypatch.setattr(precision.platform, "machine", lambda: machine)
        known = dict.fromkeys(instructions, True) | {"architecture": machine}
        if not old:
            monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: known, raising=False)
            return
        monkeypatch.delattr(torch.cpu, "get_capabilities", raising=False)
        for name, query in (
            ("avx512_bf16", "_is_avx512_bf16_supported"),
            ("amx_tile", "_is_amx_tile_supported"),
        ):
            monkeypatch.setattr(torch.cpu, query, lambda name=name: name in instructions)
        # As PyTorch has it: on x86 this is true of any AVX-512, which emulates bfloat16.
        arm = machine != "x86_64"
        supported = ("bf16" if arm else "avx512_bw") in instructions
        operators = torch.ops.mkldnn
        monkeypatch.setattr(operators, "_is_mkldnn_bf16_supported", lambda: supported)

    return make


@pytest.mark.parametrize("old", [False, True], ids=["newest", "2.6"])
@pytest.mark.parametrize(
    ("instructions", "machine", "native"),
    [
        ((), "x86_64", False),
        (("avx2",), "AMD64", False),
        (("avx2", "avx512_bw"), "x86_64", False),
        (("avx2", "avx512_bw", "avx512_bf16"), "x86_64", True),
        (("avx2", "amx_tile", "amx_bf16"), "x86_64", True),
        (("neon",), "aarch64", False),
        (("neon", "bf16"), "aarch64", True),
        (("neon", "bf16"), "ARM64", True),
    ],
)
def test_bfloat16_only_where_the_processor_has_instructions(
    processor, instructions, machine, native, old
):
    processor(instructions, machine, old=old)
    assert native_precision(CPU) == (torch.bfloat16 if native else torch.float32)


def test_float32_where_pytorch_has_no_one_dnn(processor):
    processor(("neon", "bf16"), "arm64", one_dnn=False)
    assert native_precision(CPU) == torch.float32


@pytest.mark.parametrize(
    ("limit", "chosen"),
    [
        ("avx2", torch.float32),
        ("AVX512_CORE", torch.float32),
        ("AVX512_CORE_VNNI", torch.float32),
        ("AVX512_CORE_BF16", torch.bfloat16),
        ("ALL", torch.bfloat16),
    ],
)
@pytest.mark.parametrize("name", ["ONEDNN_MAX_CPU_ISA", "DNNL_MAX_CPU_ISA"])
def test_float32_where_the_instructions_are_switched_off(
    processor, monkeypatch, name, limit, chosen
):
    processor(("avx512_bf16",))
    monkeypatch.setenv(name, limit)
    assert native_precision(CPU) == chosen


@pytest.mark.parametrize("native", [False, True])
def test_on_cuda_emulation_does_not_count(monkeypatch, native):
    asked = []

    def is_bf16_supported(including_emulation=True):
        asked.append(including_emulation)
        return native

    monkeypatch.setattr(torch.cuda, "is_bf16_supported", is_bf16_supported)
    monkeypatch.setattr(torch.cuda, "device", lambda _device: torch.no_grad())
    assert native_precision(CUDA) == (torch.bfloat16 if native else torch.float32)
    assert asked == [False]


def test_other_devices_get_float32():
    assert native_precision(torch.device("mps")) == torch.float32


def test_this_processors_own_answer_is_one_of_the_two():
    assert native_precision(CPU) in (torch.float32, torch.bfloat16)


@pytest.mark.parametrize("native", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("make", [mask_rcnn, fcn], ids=["mask_rcnn", "fcn"])
def test_prepared_model_says_which_precision_it_got(monkeypatch, make, native):
    monkeypatch.setattr(
        "mrcnn_lite.models.fast.prepare.native_precision", lambda device: {CPU: native}[device]
    )
    model = make(mini_config(4, neck="c4")).eval()
    assert model.precision == torch.float32
    assert prepare_for_inference(model).precision == native
    assert model.precision == torch.float32
    for dtype in (torch.float32, torch.bfloat16, torch.float16, torch.float64):
        assert prepare_for_inference(model, dtype).precision == dtype


def test_a_precision_chosen_before_is_kept(monkeypatch):
    monkeypatch.setattr("mrcnn_lite.models.fast.prepare.native_precision", lambda _: torch.bfloat16)
    for dtype in (torch.float64, torch.float16):
        assert prepare_for_inference(mask_rcnn(mini_config(4)).to(dtype)).precision == dtype


def test_a_copy_brought_back_to_float32_needs_no_autocast():
    prepared = prepare_for_inference(mask_rcnn(mini_config(4)), torch.bfloat16).float()
    assert prepared.precision == torch.float32
    seen = []
    prepared.backbone.register_forward_hook(lambda _, __, maps: seen.append(maps[0].dtype))
    prepared([torch.rand(3, 64, 64)])
    assert seen == [torch.float32]
