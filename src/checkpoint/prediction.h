// What a checkpoint says that its UNet predicts.
#pragma once

#include <string>

#include "checkpoint/named_tensors.h"
#include "drypoint/sampling.h"

namespace drypoint {

struct SaidPrediction {
  Prediction prediction = Prediction::automatic;  // nothing is said
  bool zero_terminal_snr = false;                 // no signal at the last timestep
};

/// `drypoint.prediction` and `drypoint.zero_terminal_snr` in the metadata, if they are there.
/// Else, as long as they agree, `prediction_type` and `rescale_betas_zero_snr` of a folder's
/// scheduler, `modelspec.prediction_type` in the metadata, and the marks of single files: tensors
/// named `v_pred` and `ztsnr`. `file` is for messages. Throws unsupported for other kinds,
/// bad_file where two of them differ.
SaidPrediction said_prediction(const NamedTensors& tensors, const std::string& file);

/// Has `said_prediction` say this.
void write_prediction(Metadata& metadata, const SaidPrediction& said);

}  // namespace drypoint
