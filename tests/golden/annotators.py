"""Makes tests/data/annotators: the networks of controlnet-aux with few channels and random weights, and their hints.

  python3 tests/golden/annotators.py tests/data [NAME...]

(controlnet-aux 0.0.10, torch 2.15, timm 0.9.16, transformers 5.24, opencv-python-headless 5.0.0.93, numpy 2.4, scipy, matplotlib, safetensors.)
Of controlnet-aux the networks and the detectors around them are loaded, each from its own file, without the rest of the package.
"""
import importlib.util
import sys
import types
from pathlib import Path

import numpy as np
import PIL.Image
import torch
from safetensors.torch import load_file, save_file

data = Path(sys.argv[1])
out = data / "annotators"
out.mkdir(exist_ok=True)
makers = {}


def maker(function):
    makers[function.__name__] = function
    return function


def aux(name):
    """A module of controlnet-aux, without the package's own __init__, which imports all of them."""
    if "controlnet_aux" not in sys.modules:
        package = types.ModuleType("controlnet_aux")
        package.__path__ = [str(Path(importlib.util.find_spec("controlnet_aux").origin).parent)]
        sys.modules["controlnet_aux"] = package
        import scipy.ndimage  # where older SciPys had it
        sys.modules["scipy.ndimage.filters"] = scipy.ndimage
    return importlib.import_module(f"controlnet_aux.{name}")


def photo(width, height):
    return np.asarray(PIL.Image.open(data / "images/cat.png").convert("RGB").resize((width, height))).copy()


def random_weights(network, seed, gain=2.0):
    """Such that values keep their size from layer to layer, and that half precision holds them."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for weight in network.parameters():
            scale = (weight[0].numel() / gain) ** -0.5 if weight.dim() > 1 else 0.1
            weight.copy_((torch.randn(weight.shape, generator=generator) * scale).half().float())


def save(name, tensors):
    save_file({key: value.detach().half().contiguous().clone() for key, value in tensors.items()}, out / f"{name}.safetensors")


def save_picture(name, picture):
    PIL.Image.fromarray(np.asarray(picture)).save(out / f"{name}.png")


@maker
def hed():
    module = aux("hed")
    network = module.ControlNetHED_Apache2()
    inputs = 3
    for number, (channels, convolutions) in enumerate([(4, 2), (6, 2), (6, 3), (8, 3), (8, 3)], 1):
        setattr(network, f"block{number}", module.DoubleConvBlock(inputs, channels, convolutions))
        inputs = channels
    random_weights(network, 5)
    with torch.no_grad():
        network.norm.copy_(torch.tensor([120.0, 115.0, 100.0]).view(1, 3, 1, 1))
        for block in (network.block1, network.block2, network.block3, network.block4, network.block5):
            block.projection.weight.mul_(1 / 64)
    picture = photo(64, 64)
    save("hed", network.state_dict())
    save_picture("picture", picture)
    for name, safe in (("hed", False), ("hedsafe", True)):
        save_picture(name, module.HEDdetector(network)(picture, 64, 64, safe=safe))


def body_that_sees(results):
    """controlnet-aux' estimate of bodies from given results."""
    body = aux("open_pose.body")
    limbs, parts = (results[name].float().permute(2, 0, 1)[None] for name in ("limbs", "parts"))

    class Results(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.place = torch.nn.Parameter(torch.zeros(1))

        def forward(self, image):
            assert image.shape[2:] == (8 * limbs.shape[2], 8 * limbs.shape[3]), image.shape
            return limbs, parts

    estimate = body.Body.__new__(body.Body)
    estimate.model = Results()
    return estimate


@maker
def openpose():
    """The network's results for a picture; poses out of such results, of bodies that are drawn into them."""
    model = aux("open_pose.model")
    layers = model.make_layers

    def narrow(block, no_relu):
        few = {64: 2, 128: 2, 256: 3, 512: 3, 185: 2 + 57}
        for sizes in block.values():
            if len(sizes) == 5:
                sizes[0], sizes[1] = few.get(sizes[0], sizes[0]), few.get(sizes[1], sizes[1])
        return layers(block, no_relu)

    model.make_layers = narrow
    network = model.bodypose_model().eval()
    model.make_layers = layers
    random_weights(network, 7)
    x = torch.from_numpy(photo(32, 24)[None].transpose(0, 3, 1, 2).astype(np.float32)) / 256 - 0.5
    with torch.no_grad():
        limbs, parts = network(x)
    weights = {name.split(".", 1)[1]: value for name, value in network.state_dict().items()}
    save("openpose", weights)
    save_file({"image": x.permute(0, 2, 3, 1).contiguous(), "limbs": limbs.permute(0, 2, 3, 1).contiguous(),
               "parts": parts.permute(0, 2, 3, 1).contiguous()}, out / "openpose_stages.safetensors")

    util = aux("open_pose.util")
    seen = util.smart_resize_k(photo(101, 76), *2 * [0.5 * 368 / 76])
    seen, _ = util.padRightDownCorner(seen, 8, 128)
    save_picture("openpose_seen", seen[::8, ::8])

    # Two bodies, one of them without an arm, in results for a picture of 200 x 120.
    size = (120, 200, 3)
    whole = np.array([[60, 20], [60, 35], [48, 36], [42, 52], [38, 66], [72, 36], [78, 52], [84, 64], [53, 66], [52, 84], [50, 104],
                      [67, 66], [69, 84], [72, 103], [57, 17], [63, 17], [53, 19], [67, 19]], float)
    bodies = [(whole, range(18)), (whole * [0.9, 0.8] + [85, 12], [part for part in range(18) if part not in (3, 4, 17)])]
    detector = aux("open_pose")
    limb_sequence = [[2, 3], [2, 6], [3, 4], [4, 5], [6, 7], [7, 8], [2, 9], [9, 10], [10, 11], [2, 12], [12, 13], [13, 14], [2, 1],
                     [1, 15], [15, 17], [1, 16], [16, 18], [3, 17], [6, 18]]
    channels = [[31, 32], [39, 40], [33, 34], [35, 36], [41, 42], [43, 44], [19, 20], [21, 22], [23, 24], [25, 26], [27, 28], [29, 30],
                [47, 48], [49, 50], [53, 54], [51, 52], [55, 56], [37, 38], [45, 46]]
    scale = 0.5 * 368 / size[0]
    rows, columns = (-(-int(side * scale) // 8) for side in size[:2])
    at = np.stack(np.meshgrid(np.arange(columns), np.arange(rows)), -1) + 0.5  # of a result, in units of 8 pixels
    heat, field = np.zeros((19, rows, columns), np.float32), np.zeros((38, rows, columns), np.float32)
    for points, present in bodies:
        points = points * scale / 8
        for part in present:
            heat[part] = np.maximum(heat[part], np.exp(-((at - points[part]) ** 2).sum(-1) / 0.8))
        for (a, b), (x_channel, y_channel) in zip(limb_sequence, channels):
            if a - 1 not in present or b - 1 not in present:
                continue
            begin, along = points[a - 1], points[b - 1] - points[a - 1]
            length = np.hypot(*along)
            along = along / length
            ahead = (at - begin) @ along
            beside = np.abs((at - begin) @ [-along[1], along[0]])
            near = (ahead > -0.7) & (ahead < length + 0.7) & (beside < 0.9)
            field[x_channel - 19][near], field[y_channel - 19][near] = along
    heat, field = heat.astype(np.float16).astype(np.float32), field.astype(np.float16).astype(np.float32)
    results = {"limbs": torch.from_numpy(field).permute(1, 2, 0), "parts": torch.from_numpy(heat).permute(1, 2, 0)}
    poses = detector.OpenposeDetector(body_that_sees(results)).detect_poses(np.zeros(size, np.uint8))
    print("bodies:", [(pose.body.total_parts, round(float(pose.body.total_score), 2)) for pose in poses])
    picture = photo(101, 76)
    save_picture("openpose_picture", picture)
    save_picture("poses", detector.draw_poses(poses, size[0], size[1], draw_hand=False, draw_face=False))
    save("poses", results)


@maker
def hands_and_faces():
    """Their networks' results for a picture; hints of a picture with the bodies of `openpose`; boxes and drawings of random points."""
    detector, util = aux("open_pose"), aux("open_pose.util")
    hand, face, model = aux("open_pose.hand"), aux("open_pose.face"), aux("open_pose.model")
    few = {64: 4, 128: 5, 256: 4, 512: 4, 22 + 128: 22 + 5, 71 + 128: 71 + 5}
    picture = photo(320, 192)
    save_picture("people", picture)
    machines = {}
    for name, make, detect, seed in (("hand_pose", model.handpose_model, hand.Hand, 39), ("face_pose", face.FaceNet, face.Face, 35)):
        network = make().eval()
        for parent in list(network.modules()):
            for child, layer in parent.named_children():
                if isinstance(layer, torch.nn.Conv2d):
                    sizes = [few.get(size, size) for size in (layer.in_channels, layer.out_channels)]
                    setattr(parent, child, torch.nn.Conv2d(*sizes, layer.kernel_size, layer.stride, layer.padding))
        random_weights(network, seed)
        save(name, {key.split(".", 1)[1] if key.startswith("model") else key: value for key, value in network.state_dict().items()})
        x = torch.from_numpy(photo(32, 24)[None].transpose(0, 3, 1, 2).astype(np.float32)) / 256 - 0.5
        with torch.no_grad():
            points = network(x)
        points = points if isinstance(points, torch.Tensor) else points[-1]
        save_file({"image": x.permute(0, 2, 3, 1).contiguous(), "points": points.permute(0, 2, 3, 1).contiguous()}, out / f"{name}_stages.safetensors")
        machines[name] = detect.__new__(detect)
        machines[name].model = network
    results = load_file(out / "poses.safetensors")
    whole = detector.OpenposeDetector(body_that_sees(results), machines["hand_pose"], machines["face_pose"])
    for kind, parts in (("hand", (True, True, False)), ("face", (True, False, True)), ("faceonly", (False, False, True)), ("full", (True, True, True))):
        hint = whole(picture, detect_resolution=192, image_resolution=192, include_body=parts[0], include_hand=parts[1], include_face=parts[2])
        save_picture(f"openpose_{kind}", hint)
    for pose in whole.detect_poses(picture, True, True):
        print("places:", [points and len({(point.x, point.y) for point in points if point.x > 0 and point.y > 0}) for points in
                          (pose.left_hand, pose.right_hand, pose.face)])

    random = np.random.default_rng(43)
    keypoint = detector.Keypoint
    kept = {name: [] for name in ("sizes", "bodies", "hands", "faces")}
    for _ in range(200):
        width, height = random.integers(40, 400, 2)
        middle, spread = random.uniform(0, [width, height]), random.uniform(5, 100)
        points = np.clip(np.rint(middle + random.normal(0, spread, (18, 2))), 0, [width - 1, height - 1])
        points[random.uniform(size=18) < 0.15] = -1
        body = detector.BodyResult([keypoint(*point) if point[0] >= 0 else None for point in points], 1, 18)
        hands, blank = np.full((2, 3), -1), np.zeros((height, width, 3), np.uint8)
        for *box, is_left in util.handDetect(body, blank):
            hands[0 if is_left else 1] = box
        for name, value in zip(kept, ((width, height), points, hands, util.faceDetect(body, blank) or (-1, -1, -1))):
            kept[name].append(value)
    save("pose_boxes", {name: torch.tensor(np.array(values), dtype=torch.float32) for name, values in kept.items()})

    drawn, people = {"hands": [], "faces": []}, []
    for i in range(4):
        points = {"hands": random.integers(0, [320, 192], (2, 21, 2)), "faces": random.integers(0, [320, 192], (1, 71, 2))}
        for name, value in points.items():
            value[random.uniform(size=value.shape[:2]) < 0.1] = -1
            drawn[name] += list(value)
        left, right, own_face = ([keypoint(*(np.float32(point) / np.float32([320, 192]))) for point in value] for value in [*points["hands"], *points["faces"]])
        people.append(detector.PoseResult(detector.BodyResult([None] * 18, 0, 0), left, right, own_face))
    save("drawn_points", {name: torch.tensor(np.array(values), dtype=torch.float32) for name, values in drawn.items()})
    save_picture("drawn_points", detector.draw_poses(people, 192, 320))


def one_block(tensors, blocks):
    """All blocks of a transformer are alike here, so that the first stands for them."""
    return {name: value for name, value in tensors.items() if blocks not in name or f"{blocks}0." in name}


def repeat_block(blocks):
    with torch.no_grad():
        for block in blocks[1:]:
            for own, first in zip(block.parameters(), blocks[0].parameters()):
                own.copy_(first)


def keep_depth(name, network, image):
    """What a network for depth makes of a small input [1, 3, H, W]."""
    with torch.no_grad():
        depth = network(image)
    depth = depth if isinstance(depth, torch.Tensor) else depth.predicted_depth
    print(name, depth.min(), depth.max())
    save_file({"image": image.permute(0, 2, 3, 1).contiguous(), "depth": depth.contiguous()}, out / f"{name}_stages.safetensors")


def midas(name, hybrid):
    from functools import partial
    import timm.models.vision_transformer as timm_vit
    import timm.models.vision_transformer_hybrid as timm_hybrid
    from timm.layers import StdConv2dSame
    from timm.models.resnetv2 import ResNetV2
    vit, blocks, dpt, detector = aux("midas.midas.vit"), aux("midas.midas.blocks"), aux("midas.midas.dpt_depth"), aux("midas")
    channels, features = ([128, 128, 6, 8] if hybrid else [4, 4, 6, 8]), 8
    embed = {}
    if hybrid:
        backbone = ResNetV2(layers=(1, 1, 1), channels=(128, 128, 128), stem_chs=32, num_classes=0, global_pool="", preact=False, stem_type="same",
                            conv_layer=partial(StdConv2dSame, eps=1e-8))
        embed = {"embed_layer": partial(timm_hybrid.HybridEmbed, backbone=backbone), "patch_size": 1}
    model = timm_vit.VisionTransformer(img_size=64, embed_dim=64, depth=12 if hybrid else 24, num_heads=1, num_classes=1, **embed)
    make = vit._make_vit_b_rn50_backbone if hybrid else vit._make_vit_b16_backbone
    network = dpt.DPTDepthModel.__new__(dpt.DPTDepthModel)
    torch.nn.Module.__init__(network)
    network.channels_last = False
    network.pretrained = make(model, features=channels, size=[64, 64], hooks=[0, 1, 8, 11] if hybrid else [5, 11, 17, 23], vit_features=64, use_readout="project")
    network.scratch = blocks._make_scratch(channels, features)
    for number in range(1, 5):
        setattr(network.scratch, f"refinenet{number}", dpt._make_fusion_block(features, False))
    network.scratch.output_conv = torch.nn.Sequential(
        torch.nn.Conv2d(features, features // 2, 3, 1, 1), dpt.Interpolate(2, "bilinear", True), torch.nn.Conv2d(features // 2, 4, 3, 1, 1), torch.nn.ReLU(True),
        torch.nn.Conv2d(4, 1, 1), torch.nn.ReLU(True), torch.nn.Identity())
    network = network.eval()
    random_weights(network, 17, gain=1.0)
    repeat_block(model.blocks)
    with torch.no_grad():
        network.scratch.output_conv[4].weight.abs_()
        network.scratch.output_conv[4].bias.fill_(0.5)
    save(name, one_block(network.state_dict(), "pretrained.model.blocks."))
    keep_depth(name, network, torch.from_numpy(photo(96, 64)[None].transpose(0, 3, 1, 2).astype(np.float32)) / 127.5 - 1)
    midas_detector = detector.MidasDetector(network)
    save_picture(name, midas_detector(photo(64, 64), detect_resolution=64, image_resolution=64))


@maker
def midas_hybrid():
    midas("midas_hybrid", True)


@maker
def midas_large():
    midas("midas_large", False)


def official_names(tensors):
    """Depth Anything's own names for those that transformers has."""
    names = {}
    for name, value in tensors.items():
        part = name.split(".")
        for theirs, own in (("backbone.embeddings.position_embeddings", "pretrained.pos_embed"), ("patch_embeddings.projection", "patch_embed.proj"),
                            ("backbone.embeddings.", "pretrained."), ("backbone.encoder.layer.", "pretrained.blocks."), ("attention.o_proj", "attn.proj"),
                            ("layer_scale1.lambda1", "ls1.gamma"), ("layer_scale2.lambda1", "ls2.gamma"), ("backbone.layernorm", "pretrained.norm"),
                            ("head.conv1", "depth_head.scratch.output_conv1"), ("head.conv2", "depth_head.scratch.output_conv2.0"),
                            ("head.conv3", "depth_head.scratch.output_conv2.2")):
            name = name.replace(theirs, own)
        if name.startswith("neck.reassemble_stage"):
            name = ".".join(["depth_head", {"projection": "projects", "resize": "resize_layers"}[part[4]], part[3], part[5]])
        elif name.startswith("neck.convs"):
            name = f"depth_head.scratch.layer{int(part[2]) + 1}_rn.weight"
        elif name.startswith("neck.fusion_stage"):
            unit = {"projection": "out_conv", "residual_layer1": f"resConfUnit1.conv{part[-2][-1]}", "residual_layer2": f"resConfUnit2.conv{part[-2][-1]}"}[part[4]]
            name = f"depth_head.scratch.refinenet{4 - int(part[3])}.{unit}.{part[-1]}"
        elif ".attention." in name:
            if "q_proj" not in name:
                continue
            name = name.replace("attention.q_proj", "attn.qkv")
            value = torch.cat([tensors[".".join([*part[:-2], f"{which}_proj", part[-1]])] for which in "qkv"])
        names[name] = value
    return names


def depth_anything(name, layers):
    """Depth Anything by transformers, with the positions, sizes and colours of its own code."""
    import cv2
    from transformers import DepthAnythingConfig, DepthAnythingForDepthEstimation, Dinov2Config
    vit = Dinov2Config(hidden_size=64, num_hidden_layers=8, num_attention_heads=1, image_size=70, patch_size=14, out_indices=layers,
                       reshape_hidden_states=False, apply_layernorm=True)
    network = DepthAnythingForDepthEstimation(DepthAnythingConfig(
        backbone_config=vit, reassemble_hidden_size=64, patch_size=14, neck_hidden_sizes=[4, 4, 6, 8], fusion_hidden_size=8, head_hidden_size=4)).eval()
    random_weights(network, 19, gain=1.0)
    repeat_block(network.backbone.encoder.layer)
    with torch.no_grad():
        network.head.conv3.weight.abs_()
        network.head.conv3.bias.fill_(0.5)

    def positions(embeddings, height, width):
        own, rows, columns = network.backbone.embeddings.position_embeddings, height // 14, width // 14
        if (rows, columns) == (5, 5):
            return own
        grid = own[:, 1:].reshape(1, 5, 5, -1).permute(0, 3, 1, 2)
        grid = torch.nn.functional.interpolate(grid, scale_factor=((rows + 0.1) / 5, (columns + 0.1) / 5), mode="bicubic")
        assert grid.shape[2:] == (rows, columns)
        return torch.cat([own[:, :1], grid.permute(0, 2, 3, 1).flatten(1, 2)], 1)

    network.backbone.embeddings.interpolate_pos_encoding = positions
    save(name, one_block(official_names(network.state_dict()), "pretrained.blocks."))

    def seen(picture, size):
        pixels = cv2.resize(picture / 255.0, size, interpolation=cv2.INTER_CUBIC)
        pixels = (pixels - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]
        return torch.from_numpy(pixels.transpose(2, 0, 1)[None].astype(np.float32))

    keep_depth(name, network, seen(photo(64, 64), (42, 28)))
    with torch.no_grad():
        depth = torch.nn.functional.interpolate(network(seen(photo(64, 64), (518, 518))).predicted_depth[:, None], (64, 64), mode="bilinear")[0, 0]
    save_picture(name, ((depth - depth.min()) / (depth.max() - depth.min()) * 255).numpy().astype(np.uint8))


@maker
def depth_anything_v1():
    depth_anything("depth_anything", [5, 6, 7, 8])


@maker
def depth_anything_v2():
    depth_anything("depth_anything_v2", [2, 4, 6, 8])


@maker
def lineart():
    module = aux("lineart")
    source = Path(module.__file__).read_text().replace("64", "4").replace("from ..", "from controlnet_aux.")
    exec(compile(source, "lineart", "exec"), module.__dict__)
    network = module.Generator(3, 1, 3).eval()
    random_weights(network, 11)
    picture = photo(64, 64)
    save("lineart", network.state_dict())
    save_picture("lineart", module.LineartDetector(network, network)(picture, False, 64, 64))


@maker
def lineart_anime():
    import functools
    module = aux("lineart_anime")
    norm = functools.partial(torch.nn.InstanceNorm2d, affine=False, track_running_stats=False)
    network = module.UnetGenerator(3, 1, 8, 2, norm_layer=norm, use_dropout=False).eval()
    random_weights(network, 13)
    save("lineart_anime", {f"module.{name}": value for name, value in network.state_dict().items()})
    save_picture("lineart_anime", module.LineartAnimeDetector(network)(photo(64, 64), 64, 64))


def normal_norms(network, seed):
    """Norms that change values little, and whose deviations are not 1."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for norm in network.modules():
            if isinstance(norm, torch.nn.BatchNorm2d):
                for tensor, mean, spread in ((norm.weight, 1, 0.1), (norm.bias, 0, 0.1), (norm.running_mean, 0, 0.1), (norm.running_var, 1, 0.2)):
                    tensor.copy_((mean + spread * torch.randn(tensor.shape, generator=generator)).half().float())


def keep_stages(name, network, stages):
    """What hooks find while the network sees the image."""
    with torch.no_grad():
        network(stages["image"])
    save_file({key: value.permute(0, 2, 3, 1).contiguous() for key, value in stages.items()}, out / f"{name}_stages.safetensors")


@maker
def pidinet():
    module, detector = aux("pidi.model"), aux("pidi")
    network = module.PiDiNet(6, module.config_model("carv4"), dil=4, sa=True).eval()
    random_weights(network, 23)
    with torch.no_grad():
        for reduce in network.conv_reduces:
            reduce.conv.weight.mul_(1 / 8)
        network.classifier.weight.fill_(0.25)
    save("pidinet", {f"module.{name}": value for name, value in network.state_dict().items()})
    stages = {}
    for level in range(4):
        def keep_gate(_, __, gate, level=level):
            stages[f"gate{level}"] = gate

        def keep_edges(_, __, sums, level=level):
            stages[f"edges{level}"] = torch.nn.functional.conv2d(sums, network.conv_reduces[level].conv.weight)

        network.attentions[level].conv2.register_forward_hook(keep_gate)
        network.dilations[level].register_forward_hook(keep_edges)
    stages["image"] = torch.from_numpy(photo(40, 32)[:, :, ::-1].transpose(2, 0, 1)[None].astype(np.float32)) / 255
    keep_stages("pidinet", network, stages)
    for name, safe in (("pidinet", False), ("pidisafe", True)):
        save_picture(name, detector.PidiNetDetector(network)(photo(64, 64), 64, 64, safe=safe))


@maker
def normal_bae():
    import re
    repository = Path(aux("normalbae").__file__).parent / "nets/submodules/efficientnet_repo"
    sys.path.insert(0, str(repository))
    geffnet = importlib.import_module("geffnet.gen_efficientnet")
    detector, nnet, decoder = aux("normalbae"), aux("normalbae.nets.NNET"), aux("normalbae.nets.submodules.decoder")
    encoder = geffnet._gen_efficientnet("small", channel_multiplier=0.05, depth_multiplier=1.0, bn_eps=1e-3, pad_type="same", channel_divisor=4)
    encoder.global_pool = encoder.classifier = torch.nn.Identity()
    maps = [encoder.blocks[stage][-1].bn3.num_features for stage in (1, 2, 4)]
    fine = encoder.blocks[0][-1].bn2.num_features
    source = Path(decoder.__file__).read_text().replace("from .submodules", "from controlnet_aux.normalbae.nets.submodules.submodules")
    few = {"2048": str(encoder.conv_head.out_channels), "176": str(maps[2]), "64": str(maps[1]), "40": str(maps[0]), "24": str(fine),
           "1024": "12", "512": "10", "256": "8", "128": "6"}
    source = re.sub(r"\b(2048|1024|512|256|176|128|64|40|24)\b", lambda found: few[found[0]], source)
    exec(compile(source, "decoder", "exec"), decoder.__dict__)
    network = nnet.NNET.__new__(nnet.NNET)
    torch.nn.Module.__init__(network)
    network.encoder = nnet.Encoder.__new__(nnet.Encoder)
    torch.nn.Module.__init__(network.encoder)
    network.encoder.original_model = encoder
    network.decoder = decoder.Decoder(types.SimpleNamespace(sampling_ratio=0.4, importance_ratio=0.7, architecture="BN"))
    network.eval()
    random_weights(network, 37)
    normal_norms(network, 41)
    annotator = detector.NormalBaeDetector(network)
    image = annotator.norm(torch.from_numpy(photo(40, 32)[None].transpose(0, 3, 1, 2).astype(np.float32)) / 255)
    last, kept = network.decoder.out_conv_res1[6], {}
    hook = last.register_forward_hook(lambda _, __, output: kept.update(output=output[0, :3]))
    with torch.no_grad():  # else biases decide; as real ones, they point to the eye's side
        network(image)
        hook.remove()
        mean, spread = kept["output"].mean(1), kept["output"].std(1)
        last.bias[:3] = ((last.bias[:3] - mean) / spread + torch.tensor([0, 0, 2])).half()
        last.weight[:3] = (last.weight[:3] / spread[:, None, None]).half()
    save("normal_bae", {f"module.{name}": value for name, value in network.state_dict().items() if "num_batches" not in name})
    stages = {"image": image}
    with torch.no_grad():
        stages["normals"] = network(stages["image"])[0][-1]
    save_file({key: value.permute(0, 2, 3, 1).contiguous() for key, value in stages.items()}, out / "normal_bae_stages.safetensors")
    save_picture("normal_bae", annotator(photo(64, 64), 64, 64))


@maker
def mlsd():
    import re
    module, detector = aux("mlsd.models.mbv2_mlsd_large"), aux("mlsd")
    source = Path(module.__file__).read_text()
    for old, new in (("input_channel = 32", "input_channel = 4"), ("round_nearest = 8", "round_nearest = 1"), ("[1, 16, 1, 1]", "[1, 3, 1, 1]"),
                     ("[6, 24, 2, 2]", "[2, 4, 2, 2]"), ("[6, 32, 3, 2]", "[2, 5, 3, 2]"), ("[6, 64, 4, 2]", "[2, 6, 4, 2]"), ("[6, 96, 3, 1]", "[2, 7, 3, 1]"),
                     ("in_c1= 64, in_c2= 96", "in_c1=6, in_c2=7"), ("in_c1 = 32", "in_c1 = 5"), ("in_c1=24", "in_c1=4"), ("in_c1=16", "in_c1=3"),
                     ("BlockTypeC(64, 16)", "BlockTypeC(8, 16)"), ("(128, 64)", "(16, 8)")):
        assert old in source, old
        source = source.replace(old, new)
    source = re.sub(r"(in_c2|out_c1|out_c2)\s*=\s*64", r"\1=8", source)
    exec(compile(source, "mlsd", "exec"), module.__dict__)
    network = module.MobileV2_MLSD_Large().eval()
    random_weights(network, 29)
    normal_norms(network, 31)
    with torch.no_grad():
        network.block23.conv3.weight[8:12].mul_(8)
    save("mlsd", network.state_dict())
    image = np.concatenate([photo(48, 32), np.ones((32, 48, 1))], -1).transpose(2, 0, 1)[None].astype(np.float32)
    stages = {"image": torch.from_numpy(image / 127.5 - 1)}
    network.block23.register_forward_hook(lambda _, __, lines: stages.update(lines=lines))
    keep_stages("mlsd", network, stages)
    save_picture("mlsd", detector.MLSDdetector(network)(photo(64, 64), detect_resolution=64, image_resolution=64))


for name in sys.argv[2:] or makers:
    makers[name]()
