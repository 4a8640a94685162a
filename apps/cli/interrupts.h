// Ctrl-C and its like.
#pragma once

#include "drypoint/error.h"

namespace drypoint::cli {

/// Exit codes, as documented in --help.
int exit_code(ErrorKind kind);

/// Makes Ctrl-C (and SIGTERM, and the terminal's end) set a flag, so that work ends in good order;
/// half a second after the first, the process ends in any case, taking unfinished files along. Lets
/// writing to a closed pipe, and past a limit on file sizes, fail as on a full disk. `json`:
/// whether the end is told on stdout as well.
void catch_signals(bool json);
bool interrupted();
/// The first signal only sets the flag from now on: a server ends when its work is done. The second
/// does what the first did.
void let_work_end();
bool interrupted_again();
/// An error has been told; if the process does not end by itself now, it ends with this code and
/// without more words.
void end_is_told(int code);

}  // namespace drypoint::cli
