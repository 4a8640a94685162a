// Models as ONNX files, for TensorRT, ONNX Runtime and others.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "drypoint/model_files.h"
#include "drypoint/precision.h"

namespace drypoint {

/// What can be exported. N pictures; h and w are the latent's sides, an eighth of the picture's, of
/// any size; L tokens a prompt, D the text encoder's width. Pictures are [N, C, H, W].
/// - "text_encoder": ids [N, 77] (i32) -> embedding [N, 77, D]
/// - "controlnet": latent [N, 4, h, w], timestep [1], context [N, L, D], hint [N, 3, 8 h, 8 w]
///   (edges, 0 to 1) -> control0 ... control12
/// - "unet": latent, timestep, context, control0 ... control12, control_scales [13]
///   -> eps [N, 4, h, w], what the UNet predicts, the noise or v; without a ControlNet, latent,
///   timestep and context alone. An inpainting UNet's latent has 9 channels.
/// - "denoiser": both, but for inpainting: latent, timestep, context, hint, control_scales -> eps
/// - "vae_decoder": latent [N, 4, h, w], divided by 0.18215 -> image [N, 3, 8 h, 8 w], -1 to 1
/// - "vae_encoder": image -> moments [N, 8, h, w]: mean, then log variance
struct OnnxOptions {
  /// "fp32", or "fp16": all but `timestep` in half precision, inputs and outputs too.
  Precision precision = Precision::fp32;
  /// fp8 or int8: the products whose ranges `ModelFiles::calibration` has, or the model's own file,
  /// have QuantizeLinear and DequantizeLinear before both factors. `automatic`: none have.
  Precision rounded;
  std::vector<std::string> parts;  ///< by the names above; empty: all that the model has
};

/// Writes NAME.onnx for each part into `folder`, which is made if need be as are those above it,
/// and the weights beside them in text_encoder-SUM.weights, unet-SUM.weights,
/// controlnet-SUM.weights and vae-SUM.weights, which parts share: keep them together. SUM is a
/// checksum of the contents, so that graphs of other exports keep their weights; a file that no
/// graph names any more stays until somebody deletes it. Matrices are stored transposed there;
/// their names end in ".T". -> the files written. All are checked first, written under temporary
/// names, and renamed last. Throws bad_file, unsupported, bad_argument (a part or precision that is
/// not there), write_failed, non_finite (a weight that is, or is too large for half precision),
/// cancelled when `stop` says true.
std::vector<std::filesystem::path> export_onnx(const ModelFiles& files,
                                               const std::filesystem::path& folder,
                                               const OnnxOptions& options = {},
                                               const std::function<bool()>& stop = {});

}  // namespace drypoint
