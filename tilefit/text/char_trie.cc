#include "tilefit/text/char_trie.h"

#include <utility>

namespace tilefit {

CharTrie::CharTrie() : edges_(16), values_{kNone}, shift_(60) {}

void CharTrie::insert(std::u32string_view key, int32_t value) {
  if (key.empty()) return;
  starts_[(key[0] >> 6) & 3] |= uint64_t{1} << (key[0] & 63);
  uint32_t node = 0;
  for (const char32_t c : key) {
    uint32_t next = child(node, c);
    if (next == 0) {
      if (values_.size() * 2 >= edges_.size()) grow();
      next = static_cast<uint32_t>(values_.size());
      values_.push_back(kNone);
      put(key_of(node, c), next);
    }
    node = next;
  }
  if (values_[node] == kNone) values_[node] = value;
}

void CharTrie::put(uint64_t key, uint32_t to) {
  size_t slot = slot_of(key);
  while (edges_[slot].to != 0) slot = (slot + 1) & (edges_.size() - 1);
  edges_[slot] = {key, to};
}

void CharTrie::grow() {
  std::vector<Edge> old(edges_.size() * 2);
  std::swap(old, edges_);
  --shift_;
  for (const Edge& edge : old) {
    if (edge.to != 0) put(edge.key, edge.to);
  }
}

}  // namespace tilefit
