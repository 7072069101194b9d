// Forward declaration of tilefit::Json for headers.
#pragma once
#include <nlohmann/json_fwd.hpp>

namespace tilefit {
using Json = nlohmann::ordered_json;
}
