// SHA-256, for content that must be recognised again: keys and checksums of caches. The arithmetic is OpenSSL's libcrypto.
// Not for passwords or signatures.
#pragma once
#include <string>
#include <string_view>

namespace tilefit {

/// SHA-256 (FIPS 180-4) of bytes as 64 lower-case hexadecimal digits.
std::string sha256_hex(std::string_view bytes);

}  // namespace tilefit
