// The suffix that `kubectl create --append-hash` gives to a name. Pure.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace sallyport::authsvc::ctl {

// Of a ConfigMap or Secret as kubectl would create it: kind, name, type and data count. Ten
// characters, the same ones as kubectl's.
[[nodiscard]] std::string KubeHash(const nlohmann::ordered_json& object);

}  // namespace sallyport::authsvc::ctl
