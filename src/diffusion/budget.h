// How a run keeps within a limit of memory.
#pragma once

#include <span>
#include <string>

#include "diffusion/generation.h"

namespace drypoint {

/// Whether the parts of a run take turns in memory: text encoder, VAE encoder, denoiser, VAE
/// decoder, each with its weights.
bool parts_take_turns(const Stages& model);

/// Finds out before anything large is made whether each part of a batch fits into the limit by
/// itself, and where the VAE does not, gives it the largest tiles that do (`Generation::vae_tile`).
/// -> what each part takes, for people. Throws out_of_memory naming the part.
std::string fit_into_limit(Stages& model, Batch batch, std::span<const DenoiserShape> shapes);

}  // namespace drypoint
