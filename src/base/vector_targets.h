// Which instruction sets our vector code is compiled for; one is chosen at run time. Include this
// before hwy/foreach_target.h. AVX-512 and AVX2 are what machines of the last ten years have; all
// others run the portable code.
#pragma once

#define HWY_DISABLED_TARGETS (HWY_SSSE3 | HWY_SSE4 | HWY_AVX3_DL)
