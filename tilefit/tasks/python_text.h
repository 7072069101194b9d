// Text operations as Python's str and re do them, which is how SQuAD's evaluators and run_qa.py define their results:
// lower(), split(), lstrip() and re's \b. Properties come from utf8proc. Not a tokenizer.
#pragma once
#include <string>
#include <string_view>
#include <vector>

namespace tilefit {

/// str.lower(): full Unicode mapping, with U+0130 becoming two code points and a capital sigma at the end of a word becoming U+03C2.
/// text: well-formed UTF-8 (malformed bytes are kept).
std::string python_lower(std::string_view text);

/// str.split(): the parts between runs of white space, none of them empty. Views into text.
std::vector<std::string_view> python_split(std::string_view text);

/// str.lstrip().
std::string_view python_lstrip(std::string_view text);

/// re.sub(r'\b(a|an|the)\b', ' ', text): each of the three words standing alone becomes a space.
std::string remove_articles(std::string_view text);

/// Leaves out the 32 characters of string.punctuation (ASCII only).
std::string remove_punctuation(std::string_view text);

}  // namespace tilefit
