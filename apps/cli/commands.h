// The commands: each adds its options to the program and runs when it was chosen.
#pragma once

#include <CLI/CLI.hpp>

namespace drypoint::cli {

void add_generate(CLI::App& program);
void add_build(CLI::App& program);
void add_edges(CLI::App& program);
void add_preprocess(CLI::App& program);
void add_text(CLI::App& program);
void add_inspect(CLI::App& program);
void add_synth(CLI::App& program);
void add_export(CLI::App& program);
void add_calibrate(CLI::App& program);
void add_compare(CLI::App& program);
void add_score(CLI::App& program);
void add_bench(CLI::App& program);
void add_profile(CLI::App& program);
void add_serve(CLI::App& program);
void add_upscale(CLI::App& program);

}  // namespace drypoint::cli
