#include "tilefit/text/unicode.h"

#include <algorithm>
#include <vector>

#include "tilefit/text/unicode_tables.h"

namespace tilefit {
namespace {

namespace tables = unicode_tables;

// Hangul syllables decompose by arithmetic (The Unicode Standard, section 3.12).
constexpr char32_t kHangulFirst = 0xAC00, kHangulLast = 0xD7A3;
constexpr char32_t kHangulVowels = 21, kHangulTails = 28;

std::vector<uint8_t> make_flags() {
  std::vector<uint8_t> flags(internal::kNumCodePoints, 0);
  const auto mark = [&](char32_t first, char32_t last, uint8_t flag, char32_t step = 1) {
    for (char32_t c = first; c <= last; c += step) flags[c] |= flag;
  };
  const auto mark_all = [&](const tables::Range* ranges, int count, uint8_t flag) {
    for (int i = 0; i < count; ++i) mark(ranges[i].first, ranges[i].last, flag);
  };
  mark_all(tables::kDropped, tables::kDroppedCount, kCharDropped);
  mark_all(tables::kNonspacingMark, tables::kNonspacingMarkCount, kCharMark);
  mark_all(tables::kPunctuation, tables::kPunctuationCount, kCharPunctuation);
  mark_all(tables::kWord, tables::kWordCount, kCharWord);
  constexpr tables::Range kSpaces[] = {{0x9, 0xD},       {0x20, 0x20},     {0x85, 0x85},     {0xA0, 0xA0},
                                       {0x1680, 0x1680}, {0x2000, 0x200A}, {0x2028, 0x2029}, {0x202F, 0x202F},
                                       {0x205F, 0x205F}, {0x3000, 0x3000}};
  for (const auto& r : kSpaces) mark(r.first, r.last, kCharSpace);
  for (int i = 0; i < tables::kLowerCount; ++i)
    mark(tables::kLower[i].first, tables::kLower[i].last, kCharLower, tables::kLower[i].step);
  mark(0x130, 0x130, kCharLower);
  for (int i = 0; i < tables::kDecompositionCount; ++i) flags[tables::kDecomposition[i].character] |= kCharDecomposes;
  mark(kHangulFirst, kHangulLast, kCharDecomposes);
  for (int i = 0; i < tables::kCombiningClassCount; ++i)
    mark(tables::kCombiningClass[i].first, tables::kCombiningClass[i].last, kCharReorders);
  return flags;
}

}  // namespace

const uint8_t* internal::char_flag_table() noexcept {
  static const std::vector<uint8_t> flags = make_flags();
  return flags.data();
}

int lower_case(char32_t c, char32_t out[2]) noexcept {
  out[0] = c;
  if (c == 0x130) {
    out[0] = 'i';
    out[1] = 0x307;
    return 2;
  }
  if (!(char_flags(c) & kCharLower)) return 1;
  // Runs of step 2 interleave, so the run that holds c may start a few entries before the last one that starts at or before c.
  const auto* const end = tables::kLower + tables::kLowerCount;
  const auto* run = std::upper_bound(tables::kLower, end, c, [](char32_t value, const auto& r) { return value < r.first; });
  while (run != tables::kLower) {
    --run;
    if (c <= run->last && (c - run->first) % run->step == 0) {
      out[0] = static_cast<char32_t>(static_cast<int32_t>(c) + run->difference);
      return 1;
    }
  }
  return 1;
}

int decompose(char32_t c, char32_t out[4]) noexcept {
  out[0] = c;
  if (!(char_flags(c) & kCharDecomposes)) return 1;
  if (c >= kHangulFirst && c <= kHangulLast) {
    const char32_t index = c - kHangulFirst;
    out[0] = 0x1100 + index / (kHangulVowels * kHangulTails);
    out[1] = 0x1161 + index % (kHangulVowels * kHangulTails) / kHangulTails;
    out[2] = 0x11A7 + index % kHangulTails;
    return index % kHangulTails ? 3 : 2;
  }
  const auto* const end = tables::kDecomposition + tables::kDecompositionCount;
  const auto* entry =
      std::lower_bound(tables::kDecomposition, end, c, [](const auto& e, char32_t value) { return e.character < value; });
  std::copy_n(tables::kDecompositionText + entry->offset, entry->length, out);
  return entry->length;
}

int combining_class(char32_t c) noexcept {
  if (!(char_flags(c) & kCharReorders)) return 0;
  const auto* const end = tables::kCombiningClass + tables::kCombiningClassCount;
  const auto* entry =
      std::upper_bound(tables::kCombiningClass, end, c, [](char32_t value, const auto& e) { return value < e.first; });
  return (entry - 1)->value;
}

}  // namespace tilefit
