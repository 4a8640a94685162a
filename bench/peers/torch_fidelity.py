"""How far Drypoint's stages are from PyTorch's in float32, beside PyTorch's own in half precision.

usage: torch_fidelity.py inputs FILE HEIGHT WIDTH          random inputs for bench_stages
       torch_fidelity.py compare MODEL INPUTS OUTPUTS...   a table for what bench_stages wrote
MODEL is a checkpoint in the original layout, such as `drypoint synth --arch sd15` writes.
"""
import os
import sys

os.environ["HF_HUB_OFFLINE"] = "1"
import torch
from safetensors.torch import load_file, save_file


def write_inputs(path, height, width):
    torch.manual_seed(1)
    h, w = height // 8, width // 8
    save_file({
        "ids": torch.randint(0, 49407, (2, 77)).float(),
        "latent": torch.randn(1, 4, h, w),
        "hint": (torch.rand(1, 3, height, width) > 0.9).float(),
        "context": torch.randn(2, 77, 768),
        "timestep": torch.tensor([501.0]),
        "scaled_latent": torch.randn(1, 4, h, w) / 0.18215,
    }, path)


def networks(model):
    from diffusers import AutoencoderKL, ControlNetModel, UNet2DConditionModel
    from diffusers.loaders import single_file_utils as convert
    from transformers import CLIPTextConfig, CLIPTextModel

    checkpoint = {name: tensor.float() for name, tensor in load_file(model).items()}
    unet = UNet2DConditionModel(
        sample_size=64, cross_attention_dim=768, attention_head_dim=8,
        block_out_channels=(320, 640, 1280, 1280), layers_per_block=2)
    control = ControlNetModel.from_unet(unet)
    vae = AutoencoderKL(
        in_channels=3, out_channels=3, latent_channels=4, block_out_channels=(128, 256, 512, 512),
        layers_per_block=2, down_block_types=["DownEncoderBlock2D"] * 4,
        up_block_types=["UpDecoderBlock2D"] * 4)
    text = CLIPTextModel(CLIPTextConfig(
        vocab_size=49408, hidden_size=768, intermediate_size=3072, num_hidden_layers=12,
        num_attention_heads=12, max_position_embeddings=77, hidden_act="quick_gelu",
        projection_dim=768))
    unet.load_state_dict(convert.convert_ldm_unet_checkpoint(dict(checkpoint), unet.config))
    control.load_state_dict(
        convert.convert_controlnet_checkpoint(dict(checkpoint), control.config))
    vae.load_state_dict(convert.convert_ldm_vae_checkpoint(dict(checkpoint), vae.config))
    prefix = "cond_stage_model.transformer."
    own = {name[len(prefix):]: tensor for name, tensor in checkpoint.items()
           if name.startswith(prefix) and not name.endswith("position_ids")}
    if "text_model.final_layer_norm.weight" not in text.state_dict():
        own = {name.removeprefix("text_model."): tensor for name, tensor in own.items()}
    text.load_state_dict(own, strict=False)
    return [network.eval() for network in (text, control, unet, vae)]


def stages(nets, inputs, dtype):
    text, control, unet, vae = (net.to("cuda", dtype) for net in nets)
    cast = {name: tensor.to("cuda", dtype) for name, tensor in inputs.items()}
    results = {"embedding": text(inputs["ids"].long().cuda())[0]}
    latent = cast["latent"].repeat(2, 1, 1, 1)
    t = inputs["timestep"].cuda()
    down, middle = control(
        latent, t, encoder_hidden_states=cast["context"],
        controlnet_cond=cast["hint"].repeat(2, 1, 1, 1), return_dict=False)
    for i, tensor in enumerate([*down, middle]):
        results[f"control{i}"] = tensor
    results["eps"] = unet(
        latent, t, encoder_hidden_states=cast["context"], down_block_additional_residuals=down,
        mid_block_additional_residual=middle, return_dict=False)[0]
    results["image"] = vae.decode(cast["scaled_latent"], return_dict=False)[0].permute(0, 2, 3, 1)
    return {name: tensor.float().cpu() for name, tensor in results.items()}


def compare(model, inputs_path, outputs):
    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = False
    nets, inputs = networks(model), load_file(inputs_path)
    with torch.inference_mode():
        exact = stages(nets, inputs, torch.float32)
        columns = {"PyTorch fp16": stages(nets, inputs, torch.float16)}
    for path in outputs:
        columns[os.path.basename(path)] = load_file(path)

    def error(ours, name):
        wanted = exact[name]
        ours = ours[name]
        ours = ours.expand_as(wanted) if ours.shape[0] == 1 else ours  # one row for both prompts
        return ((ours - wanted).square().mean() / wanted.square().mean()).sqrt().item()

    print("| root mean square error | " + " | ".join(columns) + " |")
    print("| --- |" + " --- |" * len(columns))
    for name in exact:
        print(f"| {name} | " + " | ".join(f"{error(c, name):.2e}" for c in columns.values()) + " |")


if sys.argv[1] == "inputs":
    write_inputs(sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
else:
    compare(sys.argv[2], sys.argv[3], sys.argv[4:])
