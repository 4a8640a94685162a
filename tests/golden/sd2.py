"""Makes tests/data/checkpoint/sd2 and tests/data/golden/sd2.safetensors: a model of Stable Diffusion 2's structure, as
diffusers and transformers write it and run it.

  python3 tests/golden/sd2.py tests/data      (torch 2.15, diffusers 0.42.1, transformers 5.24.0, safetensors)
"""
import json
import sys
from pathlib import Path

import torch
from diffusers import AutoencoderKL, ControlNetModel, DDIMScheduler, UNet2DConditionModel
from safetensors.torch import save_file
from transformers import CLIPTextConfig, CLIPTextModel

WIDTH, HEADS, LAYERS, POSITIONS = 16, 2, 2, 11


def randomize(model, seed):
    """Half-precision values of moderate size in every tensor; biases and zero convolutions too."""
    generator = torch.Generator().manual_seed(seed)
    for name, p in model.named_parameters():
        noise = torch.randn(p.shape, generator=generator)
        if p.ndim == 1:
            p.data = (0.1 * noise + (1 if name.endswith("weight") else 0)).half().float()
        else:
            fan_in = p[0].numel() if "embedding" not in name else 1
            p.data = (noise / fan_in**0.5).half().float()
    return model.eval()


def openclip(text):
    """The same encoder under OpenCLIP's names, with the last layer that Stable Diffusion 2 does not run."""
    generator = torch.Generator().manual_seed(9)
    own = {k.removeprefix("text_model."): v for k, v in text.state_dict().items()}
    result = {"token_embedding.weight": own["embeddings.token_embedding.weight"],
              "positional_embedding": own["embeddings.position_embedding.weight"],
              "ln_final.weight": own["final_layer_norm.weight"], "ln_final.bias": own["final_layer_norm.bias"],
              "text_projection": torch.randn(WIDTH, WIDTH, generator=generator), "logit_scale": torch.tensor(4.6)}
    for i in range(LAYERS):
        to, layer = f"transformer.resblocks.{i}.", f"encoder.layers.{i}."
        for kind in ("weight", "bias"):
            result[f"{to}attn.in_proj_{kind}"] = torch.cat([own[f"{layer}self_attn.{x}_proj.{kind}"] for x in "qkv"])
            for ours, theirs in (("attn.out_proj", "self_attn.out_proj"), ("ln_1", "layer_norm1"),
                                 ("ln_2", "layer_norm2"), ("mlp.c_fc", "mlp.fc1"), ("mlp.c_proj", "mlp.fc2")):
                result[f"{to}{ours}.{kind}"] = own[f"{layer}{theirs}.{kind}"]
    for name in [n for n in result if n.startswith(f"transformer.resblocks.{LAYERS - 1}.")]:
        other = torch.randn(result[name].shape, generator=generator)
        result[name.replace(f".{LAYERS - 1}.", f".{LAYERS}.", 1)] = other
    return result


class ResidualAttentionBlock(torch.nn.Module):
    """open_clip/transformer.py; its names and packed projections are torch's own."""

    def __init__(self):
        super().__init__()
        self.ln_1, self.ln_2 = torch.nn.LayerNorm(WIDTH), torch.nn.LayerNorm(WIDTH)
        self.attn = torch.nn.MultiheadAttention(WIDTH, HEADS, batch_first=True)
        self.mlp = torch.nn.ModuleDict({"c_fc": torch.nn.Linear(WIDTH, 4 * WIDTH),
                                        "c_proj": torch.nn.Linear(4 * WIDTH, WIDTH)})

    def forward(self, x, mask):
        h = self.ln_1(x)
        x = x + self.attn(h, h, h, attn_mask=mask, need_weights=False)[0]
        return x + self.mlp["c_proj"](torch.nn.functional.gelu(self.mlp["c_fc"](self.ln_2(x))))


def run_openclip(weights, ids):
    """FrozenOpenCLIPEmbedder of the official code, layer "penultimate"."""
    x = weights["token_embedding.weight"][ids] + weights["positional_embedding"]
    mask = torch.full((POSITIONS, POSITIONS), float("-inf")).triu(1)
    for i in range(LAYERS):  # of LAYERS + 1
        block = ResidualAttentionBlock()
        prefix = f"transformer.resblocks.{i}."
        block.load_state_dict({k.removeprefix(prefix): v for k, v in weights.items() if k.startswith(prefix)})
        x = block(x, mask)
    return torch.nn.functional.layer_norm(x, (WIDTH,), weights["ln_final.weight"], weights["ln_final.bias"])


# Some of the UNet's tensors under the official names, of each kind.
OFFICIAL = {"conv_in.weight": "input_blocks.0.0.weight", "time_embedding.linear_1.weight": "time_embed.0.weight",
            "down_blocks.0.attentions.0.proj_in.weight": "input_blocks.1.1.proj_in.weight",
            "down_blocks.0.attentions.0.transformer_blocks.0.attn2.to_k.weight":
                "input_blocks.1.1.transformer_blocks.0.attn2.to_k.weight",
            "mid_block.attentions.0.proj_out.weight": "middle_block.1.proj_out.weight",
            "up_blocks.1.attentions.1.proj_in.weight": "output_blocks.3.1.proj_in.weight",
            "up_blocks.0.resnets.1.conv1.weight": "output_blocks.1.0.in_layers.2.weight",
            "conv_out.bias": "out.2.bias"}


def hint(height, width):
    """What the test computes too, so that no file need hold it."""
    c, y, x = torch.meshgrid(torch.arange(3), torch.arange(height), torch.arange(width), indexing="ij")
    return ((5 * c + 3 * y + 7 * x) % 11).float()[None] / 10


@torch.no_grad()
def main(out):
    folder = Path(out) / "checkpoint/sd2"
    text = randomize(CLIPTextModel(CLIPTextConfig(
        vocab_size=60, hidden_size=WIDTH, intermediate_size=4 * WIDTH, num_hidden_layers=LAYERS,
        num_attention_heads=HEADS, max_position_embeddings=POSITIONS, hidden_act="gelu")), 1)
    trunk = dict(block_out_channels=(8, 12), layers_per_block=1, norm_num_groups=4, cross_attention_dim=WIDTH,
                 attention_head_dim=(2, 4), down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
                 use_linear_projection=True, upcast_attention=True)
    unet = randomize(UNet2DConditionModel(up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"), **trunk), 2)
    control = randomize(ControlNetModel(conditioning_embedding_out_channels=(4, 4, 4, 4), **trunk), 3)
    vae = randomize(AutoencoderKL(block_out_channels=(4, 8), layers_per_block=1, norm_num_groups=2, latent_channels=4,
                                  down_block_types=["DownEncoderBlock2D"] * 2, up_block_types=["UpDecoderBlock2D"] * 2),
                    4)
    scheduler = DDIMScheduler(beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", clip_sample=False,
                              set_alpha_to_one=False, steps_offset=1, prediction_type="v_prediction")
    for name, part in (("text_encoder", text), ("unet", unet), ("controlnet", control), ("vae", vae)):
        part.half().save_pretrained(folder / name)
        part.float()
    scheduler.save_pretrained(folder / "scheduler")

    golden = {}
    ids = torch.randint(0, 60, (2, POSITIONS), generator=torch.Generator().manual_seed(5))
    golden["text.ids"] = ids.int()
    context = golden["text.embedding"] = text(ids).last_hidden_state
    packed = openclip(text)
    difference = (run_openclip(packed, ids) - context).abs().max()
    print(f"OpenCLIP's formulas differ by {difference:.2e}")
    assert difference < 1e-5
    official = {f"cond_stage_model.model.{k}": v.half().contiguous() for k, v in packed.items()}
    for theirs, ours in OFFICIAL.items():
        official[f"model.diffusion_model.{ours}"] = unet.state_dict()[theirs].half().contiguous()
    save_file(official, folder / "official.safetensors")

    x = golden["x"] = torch.randn(2, 4, 4, 6, generator=torch.Generator().manual_seed(6))
    edges = hint(32, 48)

    def model(latent, t, c, controlled=True):
        extra = {}
        if controlled:
            down, middle = control(latent, t, c, controlnet_cond=edges.expand(len(latent), -1, -1, -1),
                                   return_dict=False)
            extra = dict(down_block_additional_residuals=down, mid_block_additional_residual=middle)
        return unet(latent, t, c, **extra).sample

    for t in (981, 501):
        golden[f"t{t}.output"] = model(x, torch.tensor(t), context)
        golden[f"t{t}.output_nocontrol"] = model(x, torch.tensor(t), context, False)

    # An inpainting UNet sees five channels more, its ControlNet does not.
    generator = torch.Generator().manual_seed(7)
    nine = golden["inpainting.conv_in"] = torch.randn(8, 9, 3, 3, generator=generator) / 9
    masked = golden["inpainting.masked"] = torch.randn(2, 5, 4, 6, generator=generator)
    wide = UNet2DConditionModel.from_config(unet.config, in_channels=9).eval()
    wide.load_state_dict(unet.state_dict() | {"conv_in.weight": nine})
    t = torch.tensor(501)
    down, middle = control(x, t, context, controlnet_cond=edges.expand(2, -1, -1, -1), return_dict=False)
    golden["inpainting.output"] = wide(torch.cat([x, masked], 1), t, context, down_block_additional_residuals=down,
                                       mid_block_additional_residual=middle).sample

    start = x[:1]
    runs = {"v": scheduler, "epsilon": DDIMScheduler.from_config(scheduler.config, prediction_type="epsilon"),
            "v_zero_snr": DDIMScheduler.from_config(scheduler.config, rescale_betas_zero_snr=True,
                                                    timestep_spacing="trailing")}
    for name, s in runs.items():
        s.set_timesteps(4)
        golden[f"{name}.timesteps"] = s.timesteps.float()
        latent, latents = start, [start]
        for t in s.timesteps:
            negative, positive = model(latent.expand(2, -1, -1, -1), t, context).chunk(2)
            latent = s.step(negative + 5 * (positive - negative), t, latent).prev_sample
            latents.append(latent)
        golden[f"{name}.latents"] = torch.cat(latents)
    save_file({k: v.contiguous() for k, v in golden.items()}, Path(out) / "golden/sd2.safetensors")


main(sys.argv[1])
