// Compile-target regions. TF_TARGET_BEGIN("avx2,fma") ... TF_TARGET_END: functions between them may use those instructions. Always
// after all includes: code that others share must stay baseline (docs/adr/0002). Everything in a region lives in an ISA namespace
// and instantiates no std:: template.
#pragma once

#define TF_PRAGMA(x) _Pragma(#x)
#ifdef __clang__
#define TF_TARGET_BEGIN(features) TF_PRAGMA(clang attribute push(__attribute__((target(features))), apply_to = function))
#define TF_TARGET_END TF_PRAGMA(clang attribute pop)
#else
#define TF_TARGET_BEGIN(features) TF_PRAGMA(GCC push_options) TF_PRAGMA(GCC target(features))
#define TF_TARGET_END TF_PRAGMA(GCC pop_options)
#endif

#define TF_INLINE inline __attribute__((always_inline))
