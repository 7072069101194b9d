// Text and JSON to flag values and back: the typed half of flags.cc.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "tilefit/base/flags.h"

namespace tilefit {

bool is_bool_flag(const FlagSpec& spec) noexcept;
bool is_list_flag(const FlagSpec& spec) noexcept;
bool is_text_flag(const FlagSpec& spec) noexcept;   ///< std::string and its optional
bool is_whole_flag(const FlagSpec& spec) noexcept;  ///< int, int64_t and their optionals

/// True for yes/no, true/false, t/f, y/n, 1/0 in any case.
bool is_truth_word(std::string_view text);

/// True when the text reads as a number, so that "-1" after a flag is its value.
bool is_number(std::string_view text);

/// Sets the field from the typed values (exactly one but for lists) and marks the flag as given. The field is untouched when
/// Error(kUsage) is thrown: not of the type, out of range, not a choice, refused.
void set_flag(FlagSpec& spec, const std::vector<std::string>& values);

/// The field's present value as Python prints it (True, 5e-05, ['a']); empty for an empty optional or text.
std::string flag_text(const FlagSpec& spec);

/// Type name for help: BOOL, INT, NUMBER, TEXT or the metavar.
std::string flag_type_name(const FlagSpec& spec);

}  // namespace tilefit
