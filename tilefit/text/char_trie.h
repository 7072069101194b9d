// A trie over Unicode characters that finds the longest key at a position without allocating: WordPiece's inner loop and the
// search for added tokens. All edges sit in one open-addressed table keyed by (node, character).
#pragma once
#include <cstdint>
#include <string_view>
#include <vector>

namespace tilefit {

/// Filled once by insert(), then immutable; look-ups are thread-safe.
class CharTrie {
 public:
  static constexpr int32_t kNone = -1;

  CharTrie();

  /// Maps a key to a value >= 0; a key that is there keeps its first value. Empty keys are ignored.
  void insert(std::u32string_view key, int32_t value);

  struct Match {
    int32_t value;  // kNone: no key starts here
    size_t length;
  };
  /// The longest key that text starts with.
  Match longest(std::u32string_view text) const noexcept {
    Match best{kNone, 0};
    if (text.empty() || !may_start(text[0])) return best;
    uint32_t node = 0;
    for (size_t i = 0; i < text.size(); ++i) {
      node = child(node, text[i]);
      if (node == 0) break;
      if (values_[node] != kNone) best = {values_[node], i + 1};
    }
    return best;
  }

  bool empty() const noexcept { return values_.size() == 1; }

 private:
  struct Edge {
    uint64_t key = 0;  // node << 21 | character
    uint32_t to = 0;   // 0: free slot (no edge leads to the root)
  };

  static uint64_t key_of(uint32_t node, char32_t c) noexcept { return uint64_t{node} << 21 | c; }
  size_t slot_of(uint64_t key) const noexcept { return static_cast<size_t>((key * 0x9E3779B97F4A7C15u) >> shift_); }

  /// False: no key starts with c. Spares most look-ups where keys are few.
  bool may_start(char32_t c) const noexcept { return (starts_[(c >> 6) & 3] >> (c & 63) & 1) != 0; }

  /// The child by character c, 0 when there is none.
  uint32_t child(uint32_t node, char32_t c) const noexcept {
    const uint64_t key = key_of(node, c);
    for (size_t slot = slot_of(key);; slot = (slot + 1) & (edges_.size() - 1)) {
      if (edges_[slot].to == 0 || edges_[slot].key == key) return edges_[slot].to;
    }
  }
  void put(uint64_t key, uint32_t to);
  void grow();

  uint64_t starts_[4] = {};      // bit c % 256 is set when a key starts with c
  std::vector<Edge> edges_;      // size is a power of two, at most half full
  std::vector<int32_t> values_;  // by node
  int shift_ = 0;                // 64 - log2(edges_.size())
};

}  // namespace tilefit
