#include "backend/cpu/processor.h"

#include <hwy/detect_compiler_arch.h>

#if HWY_ARCH_X86_64
#include <cpuid.h>
#endif
#if HWY_ARCH_X86_64 && defined(__linux__)
#include <sys/syscall.h>
#include <unistd.h>
#endif

namespace drypoint::cpu {
namespace {

#if HWY_ARCH_X86_64

bool bit(unsigned value, int number) { return (value >> number & 1) != 0; }

/// Linux saves tiles for processes alone that have asked for it; their threads follow.
bool permitted_tiles() {
#ifdef __linux__
  constexpr long arch_req_xcomp_perm = 0x1023, tile_data = 18;
  return syscall(SYS_arch_prctl, arch_req_xcomp_perm, tile_data) == 0;
#else
  return false;
#endif
}

/// The numbers of the bits are those of Intel's manual, CPUID leaf 7.
Processor find() {
  Processor found;
  unsigned most = 0, eax = 0, ebx = 0, ecx = 0, edx = 0;
  if (!__get_cpuid_count(7, 0, &most, &ebx, &ecx, &edx)) return found;
  found.avx512_vnni = bit(ecx, 11);
  const bool tiles = bit(edx, 24) && (bit(edx, 22) || bit(edx, 25)) && permitted_tiles();
  found.amx_bf16 = tiles && bit(edx, 22);
  found.amx_i8 = tiles && bit(edx, 25);
  if (most < 1 || !__get_cpuid_count(7, 1, &eax, &ebx, &ecx, &edx)) return found;
  found.avx_vnni = bit(eax, 4);
  found.avx512_bf16 = bit(eax, 5);
  return found;
}

#else

Processor find() { return {}; }

#endif

}  // namespace

const Processor& processor() {
  static const Processor found = find();
  return found;
}

}  // namespace drypoint::cpu
