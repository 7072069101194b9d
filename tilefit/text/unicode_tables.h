// Declares the generated data of unicode_tables.cc. Only unicode.cc reads it.
#pragma once
#include <cstdint>

namespace tilefit::unicode_tables {

struct Range {
  char32_t first, last;
};
struct CombiningClass {
  char32_t first, last;
  uint8_t value;
};
/// Every step-th character from first to last has its lower case `difference` further on.
struct LowerRun {
  char32_t first, last;
  uint8_t step;
  int32_t difference;
};
/// The full canonical decomposition is kDecompositionText[offset .. offset + length).
struct Decomposition {
  char32_t character;
  uint16_t offset;
  uint8_t length;
};

extern const Range kDropped[], kNonspacingMark[], kPunctuation[], kWord[];
extern const int kDroppedCount, kNonspacingMarkCount, kPunctuationCount, kWordCount;
extern const CombiningClass kCombiningClass[];
extern const int kCombiningClassCount;
extern const LowerRun kLower[];
extern const int kLowerCount;
extern const Decomposition kDecomposition[];
extern const int kDecompositionCount;
extern const char32_t kDecompositionText[];
extern const int kDecompositionTextCount;

}  // namespace tilefit::unicode_tables
