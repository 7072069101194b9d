// Is a file UTF-8? Strict, unlike text/utf8.h, which reads malformed bytes as U+FFFD.
#pragma once
#include <cstddef>
#include <optional>
#include <string_view>

namespace tilefit {

/// Byte offset of the first byte that is not part of well-formed UTF-8 (overlong forms, surrogates and values above U+10FFFF are
/// malformed); nullopt when all of `text` is well formed.
std::optional<size_t> find_invalid_utf8(std::string_view text) noexcept;

/// Throws Error(kFailed) with "file:line:column" when `text` is not well-formed UTF-8 or holds a zero byte. where: file name.
void require_utf8_text(std::string_view text, std::string_view where);

}  // namespace tilefit
